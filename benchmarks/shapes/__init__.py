"""Tables of other shapes: few columns and many, wide text, narrow rows."""
