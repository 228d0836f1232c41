"""The plan of restitution of rights: its items, who answers for each, and what is done (PRD)."""
