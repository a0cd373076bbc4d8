"""Readiness: a snapshot a day of each repository and window."""
