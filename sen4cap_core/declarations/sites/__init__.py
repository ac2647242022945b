"""Sites: site.yaml, extent, strata."""
