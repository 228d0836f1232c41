"""The guard: what may reach a foreign state, and what never may."""
