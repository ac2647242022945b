"""What people declare: sites, parcels, crop codes, practice tables."""
