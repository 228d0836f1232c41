"""Consents by purpose, recipient and field, their withdrawal that travels, overrides, and who a case is kept from."""
