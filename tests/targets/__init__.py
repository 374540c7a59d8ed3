"""Target models of every shape, for tests of what the engine promises."""
