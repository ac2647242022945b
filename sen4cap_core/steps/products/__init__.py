"""What goes out: products shown, exported, on a page; marker databases."""
