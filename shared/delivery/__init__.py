"""The webhook engine: one for sister services, agencies and consulates alike.

Read rules ‹ models ‹ schemas ‹ store ‹ service ‹ routes, then sender and worker.
"""
