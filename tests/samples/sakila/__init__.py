"""Where the film rental of Sakila is moved to."""
