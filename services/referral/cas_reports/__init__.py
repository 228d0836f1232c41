"""What each Procuraduría owes every half-year: its register of shelters, and what its visits found."""
