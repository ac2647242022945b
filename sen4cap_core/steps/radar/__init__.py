"""Radar products: received, registered, brought to the map, paired, observed, drawn."""
