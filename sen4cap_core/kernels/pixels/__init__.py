"""Pixels of any raster: parcel sums and order statistics, overviews."""
