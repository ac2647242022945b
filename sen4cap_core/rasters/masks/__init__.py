"""What each pixel shows: products' masks in one code, and the screening for what they overlook."""
