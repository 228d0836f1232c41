"""The receivers that consulates copy, as real programs of five languages."""
