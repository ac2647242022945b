"""Grids, MGRS tiles, parcel labels, block pipelines over scenes, and the COGs they write."""
