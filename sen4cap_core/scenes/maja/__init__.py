"""Level-2A of MAJA in MUSCATE format."""
