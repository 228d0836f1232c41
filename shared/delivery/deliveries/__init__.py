"""What was sent to whom, how it went, and what a person may do about it: send again, skip, replay."""
