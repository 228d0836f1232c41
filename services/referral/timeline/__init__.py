"""A case in one call: its file with who leads and who owes what next, and everything that happened, in order."""
