"""What the OpenAPI description of every service says alike: words, examples, curls, problems, security."""
