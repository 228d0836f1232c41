"""What a consulate is told of a child of its country (LM 112-V), and whether it has been told.

A notice exists only because referral released it, and leaves only with a permit for each send.
"""
