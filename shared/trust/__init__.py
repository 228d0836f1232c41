"""Whose word counts here: tokens, proofs of possession, and the gateway's word on who still stands."""
