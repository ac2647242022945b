"""Maps, charts and quicklooks as PNG."""
