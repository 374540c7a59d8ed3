"""Legacy data that nobody here wrote, and the apps and transformers that move it."""
