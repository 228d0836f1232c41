"""The child: a person, whose identity is sealed under a key of its own."""
