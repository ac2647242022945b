"""Pixels into files."""
