"""The keys that sign access tokens: one signs, the next one is published, the one before still counts for a while."""
