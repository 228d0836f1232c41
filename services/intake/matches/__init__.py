"""The same child, found again: candidates over encrypted identity, reviewed by people, linked and unlinked."""
