"""What people declare and upload: sites, parcels, crop codes and the configuration of the processors."""
