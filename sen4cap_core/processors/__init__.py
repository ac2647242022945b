"""What is made of scenes and observations: one folder for each product."""
