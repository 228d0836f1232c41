"""Transfers: a child, or its case, passes to another authority, which takes over when the child has arrived."""
