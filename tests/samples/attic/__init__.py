"""A model for whatever dirt one finds in an old database."""
