"""How the official tables count: each event once, each person once in whatever is asked about."""
