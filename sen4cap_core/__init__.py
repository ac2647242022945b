"""Satellite checks of farmers' declarations: the library behind the flows."""

__version__ = "0.1.0"
