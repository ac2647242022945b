"""Optical pixels: status, clouds, indices, LAI, fAPAR and fCover."""
