"""Sentinel-2 Level-2A as published."""
