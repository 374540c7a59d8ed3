"""What the analyses return, for people: tables on a terminal, or one HTML page."""
