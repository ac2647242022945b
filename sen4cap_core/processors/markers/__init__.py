"""Marker databases: wide tables of parcels, with the original's column names."""
