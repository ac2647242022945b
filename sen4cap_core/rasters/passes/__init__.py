"""Walks over whole images, each block once: scenes, our own rasters, composites, radar."""
