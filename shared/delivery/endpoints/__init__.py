"""Endpoints of receivers: registered, proven, paused, moved, and their keys and alarms."""
