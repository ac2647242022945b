"""Mowing of grassland (L4B): from observations to verdicts, tables and pictures."""
