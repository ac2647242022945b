"""Ready-made radar products of all producers."""
