"""What people look at: receipts, quicklooks, charts and tables as markdown text and PNG bytes."""
