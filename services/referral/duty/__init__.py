"""Whom to call at a body, and when somebody answers."""
