"""Humanitarian permits: what every foreign child gets at once, and what alone ends it."""
