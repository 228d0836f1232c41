"""How often one may ask. What a limit says depends on the asker's own requests alone, never on what they found."""
