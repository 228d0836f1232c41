"""Children who left care, or who are missing: reported by whoever notices, searched for, found."""
