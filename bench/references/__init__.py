"""What we are measured against: each stands here whole, so that a ratio can be checked."""
