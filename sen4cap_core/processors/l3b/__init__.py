"""L3B vegetation status: the variables a scene pass computes (NDVI, LAI, fAPAR, fCover, indices)."""
