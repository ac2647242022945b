"""What every pass is made of: bands, blocks, variables, and the threads that do the work."""
