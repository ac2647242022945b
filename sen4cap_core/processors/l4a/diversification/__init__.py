"""Crop diversification: declared and seen crop types in, category and diagnosis of each holding out."""
