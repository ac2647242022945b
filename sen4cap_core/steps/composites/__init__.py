"""Composites of a period: of reflectance (L3A), of radar."""
