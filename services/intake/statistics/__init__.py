"""The official tables: events and persons, counted apart."""
