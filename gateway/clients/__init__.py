"""The registered clients: which agency each acts for, and how it proves who it is."""
