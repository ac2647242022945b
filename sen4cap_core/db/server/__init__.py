"""The database itself: connections, schema, roles."""
