"""Texts of any origin: character sets, tables, INI and YAML files, names of countries and columns."""
