"""The event that the official tables count: an authority meets a child."""
