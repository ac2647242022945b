"""Sentinel-1 from the satellite's own geometry to the tile's grid: backscatter and coherence without SNAP."""
