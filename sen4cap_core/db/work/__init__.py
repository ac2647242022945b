"""What came in, what is to be done about it, and who does it."""
