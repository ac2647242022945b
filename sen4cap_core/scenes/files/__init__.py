"""The files of a product, wherever they lie, and whether they are whole."""
