"""Looking for a child's relatives, from the first word to the answer."""
