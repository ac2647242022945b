"""What the processors made, and what is kept of it."""
