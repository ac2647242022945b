"""Scenes, parcels and truth made up from a seed: for the demo, the tests and the benchmarks."""
