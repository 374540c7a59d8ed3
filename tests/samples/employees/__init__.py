"""Where the employees sample goes: models, and the legacy tables that are read as models."""
