"""The numbers that other systems know a child by."""
