"""Landsat 8 and 9 Collection 2 Level 2 as USGS delivers it."""
