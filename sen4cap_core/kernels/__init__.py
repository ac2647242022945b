"""Numba on bare arrays: no files, no dates, no Python objects, nothing of the other rooms."""
