"""How a case ends, asked for by one officer and approved by another; and how it begins again."""
