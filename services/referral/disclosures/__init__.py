"""Disclosures: a recipient reads the listed fields of a child, fetched from intake at that moment and kept nowhere."""
