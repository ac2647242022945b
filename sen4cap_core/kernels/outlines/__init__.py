"""Outlines of polygons: read, measured, proved sound, moved, put onto pixels."""
