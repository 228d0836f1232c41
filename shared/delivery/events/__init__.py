"""The feed of an endpoint: for receivers without a server, and for what a server has lost.

Read schemas ‹ store ‹ cursors ‹ service ‹ routes. What a read may and may not do stands in service.
"""
