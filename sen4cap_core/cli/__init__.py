"""The ``sen4cap`` command, one file per group of commands."""
