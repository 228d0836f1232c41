"""The end of a child's record: everything that is of the child goes, wherever it stands."""
