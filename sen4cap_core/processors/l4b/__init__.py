"""Grassland mowing (L4B): parcel series of NDVI and coherence in, dated mowings and compliance out."""
