"""The way of one scene: corrected, registered, processed, extracted for late parcels, drawn."""
