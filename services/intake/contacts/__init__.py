"""A child's calls with relatives: that they took place, never what was said."""
