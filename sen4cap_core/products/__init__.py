"""What leaves the system: names, STAC items, catalogue and table exports of everything it makes."""
