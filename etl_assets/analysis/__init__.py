"""Looking at a legacy table before anything is moved."""
