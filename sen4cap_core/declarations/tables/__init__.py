"""The tables beside the parcels: crop codes and practices."""
