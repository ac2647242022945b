"""Agricultural practices (L4C): from observations to answers, tables and pictures."""
