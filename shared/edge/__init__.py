"""What stands between a socket and an app."""
