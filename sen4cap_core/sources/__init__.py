"""Catalogues and archives: what there is of an area and time, and how it comes here."""
