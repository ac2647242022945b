"""Vector files of any kind, and the zips they come in."""
