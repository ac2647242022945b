"""Pages and receipts as markdown."""
