"""Crop types (L4A): from features to the map, with crop diversification."""
