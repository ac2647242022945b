"""What people drop: one receiver for each kind of file, and what is in force by it."""
