"""Screenings: who looked for a need of protection or signs of trafficking, when, and what was found."""
