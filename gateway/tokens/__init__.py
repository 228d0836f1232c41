"""Who proves to be a registered client gets an access token (OAuth 2, client credentials)."""
