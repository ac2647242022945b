"""Composites of reflectance over dates: averages, choices, and what they need of a date."""
