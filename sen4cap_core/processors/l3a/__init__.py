"""L3A composites: reflectance of many dates joined into one image."""
