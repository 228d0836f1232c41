"""The one way out of an installation: a forward proxy that webhooks leave by."""
