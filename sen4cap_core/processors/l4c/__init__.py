"""Agricultural practices: harvest, catch crops, fallow, nitrogen-fixing crops and tillage of parcels."""
