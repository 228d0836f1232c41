"""Stage 0: what an authority sees coming, for those who must be ready."""
