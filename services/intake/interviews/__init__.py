"""What a child-protection officer may ask a child, and who reads the answers."""
