"""Crop type (L4A): which crop stands on each parcel, and whether holdings grow crops diverse enough."""
