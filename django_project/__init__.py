"""A hospital that moves to Django: it uses the package `etl_assets` just as any customer would."""
