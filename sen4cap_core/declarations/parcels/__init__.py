"""Declared parcels: read from what an agency exports, made ready, compared with the version before."""
