"""Cuts of grass by the neighbourhood method: falls of NDVI beyond what all grassland around shows."""
