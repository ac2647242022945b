"""Geometry: read, moved, repaired, measured."""
