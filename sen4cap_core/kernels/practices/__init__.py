"""Agricultural practices: weeks, markers, harvest, catch crops, fallow, tillage."""
