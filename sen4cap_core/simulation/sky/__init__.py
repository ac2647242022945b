"""When satellites pass, and what clouds hide."""
