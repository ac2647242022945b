"""Simulated Sentinel-1, from the orbit to the product."""
