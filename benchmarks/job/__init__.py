"""The jobs: models, transformers, the legacy rows, and the same cleaning once more in plain Python."""
