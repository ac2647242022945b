"""Radar images: from the radar's geometry to the map, coherence and power, composites over time."""
