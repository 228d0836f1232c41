"""Decisions on an age in doubt: the Procuraduría's, and nobody else's (R3)."""
