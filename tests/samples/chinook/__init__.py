"""Where the Chinook music shop goes."""
