"""Assisted return: never a deportation, and never before everything that the law asks for is on record."""
