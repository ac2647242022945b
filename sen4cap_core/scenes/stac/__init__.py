"""Scenes as STAC items with their assets."""
