"""Pixel grids in UTM zones, and the tiles of Sentinel-2 among them."""
