"""Refuge: a child's claim before COMAR, from its filing to the resolution that nothing can change any more."""
