"""Embassies and consulates in Mexico: which post serves which state, and on which days."""
