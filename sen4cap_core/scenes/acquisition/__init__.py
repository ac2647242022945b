"""What every acquisition has: bands, angles, a footprint, a name."""
