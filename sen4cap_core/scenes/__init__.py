"""What an acquisition is, and one reader for each format it comes in."""
