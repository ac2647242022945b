"""Parcel x acquisition statistics: one Parquet file per scene and tile, and time series out of them."""
