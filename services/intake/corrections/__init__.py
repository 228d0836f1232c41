"""Corrections that the child's representative asks for: asked, decided, applied or refused with a reason."""
