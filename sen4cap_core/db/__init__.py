"""Tables, sessions and queries: the only room that speaks SQL."""
