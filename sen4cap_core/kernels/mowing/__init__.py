"""Mowings by the original's rule, and what both methods share: slots, matrix, compliance."""
