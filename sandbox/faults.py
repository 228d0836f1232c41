"""What can go wrong in the sandbox that a person can put right."""


class Fault(Exception):
    """One plain sentence: what is wrong, and what to do about it."""
