"""Columns of tables: bitmaps, text hashes, JSON objects, wide marker columns."""
