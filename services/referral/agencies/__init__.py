"""The directory: which bodies take part in the route, and which of them is competent where."""
