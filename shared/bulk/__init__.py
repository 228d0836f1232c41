"""How a service takes in a long upload: read line by line, written many rows at a time."""
