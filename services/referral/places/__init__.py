"""Where children can sleep: certified shelters, what room they have now, and where they stand."""
