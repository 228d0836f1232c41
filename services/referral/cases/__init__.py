"""The case: one child's way through the route, and who takes part in it."""
