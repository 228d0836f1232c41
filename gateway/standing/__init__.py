"""The feed that tells every process which keys and tokens count, and who is suspended."""
