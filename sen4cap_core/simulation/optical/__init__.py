"""Simulated pixels as products of Sentinel-2, MAJA and Landsat."""
