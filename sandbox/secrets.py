"""The one secret of every fictitious client. Everybody may know it: it opens nothing but the sandbox."""

SECRET = "sandbox-secret-that-everyone-knows"  # noqa: S105  # see above
