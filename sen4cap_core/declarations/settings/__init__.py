"""What the processors can be told, and where each value comes from."""
