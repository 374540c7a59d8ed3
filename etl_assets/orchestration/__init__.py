"""Transformers as Dagster assets. Nothing outside this package and `definitions` imports Dagster."""
