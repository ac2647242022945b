"""How things are, for people who ask."""
