"""The exchange with Primero, proGres and FHIR: what their words mean, in and out, and nothing guessed."""
