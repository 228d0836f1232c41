"""Children and carers who belong together: what keeps them so, and who alone may part them."""
