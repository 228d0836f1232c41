"""The public door: who may come in, and to which service. It has a database of its own."""
