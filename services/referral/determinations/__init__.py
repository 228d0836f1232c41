"""What is best for the child: assessments, the child's own view, and the determination by a panel (BIA, BID)."""
