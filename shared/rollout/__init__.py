"""How one process takes the place of another without a request getting lost."""
