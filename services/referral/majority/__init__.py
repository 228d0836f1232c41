"""Turning 18: the tasks of stage 4, opened ahead of time. Nobody is moved out, no claim is dropped (R38)."""
