"""The log of immediate help: food, health, rest, calls."""
