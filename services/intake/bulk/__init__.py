"""Many encounters at once: files of agencies' systems, line by line, safe to send again."""
