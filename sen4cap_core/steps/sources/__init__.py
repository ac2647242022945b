"""Scenes that come by themselves: sources searched, acquisitions fetched, how the sources stand."""
