"""Other people's programs: called, watched, and believed only when their outputs are there."""
