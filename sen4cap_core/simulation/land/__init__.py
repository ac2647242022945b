"""The simulated land, what grows on it, and series of its parcels."""
