"""How well results agree with a known truth."""
