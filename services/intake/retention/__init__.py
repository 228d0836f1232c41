"""How long what identifies is kept: one table, counted from the day on which it has served."""
