"""What referral says of a child's case, and what follows here: who may read the child, and how long it is kept."""
