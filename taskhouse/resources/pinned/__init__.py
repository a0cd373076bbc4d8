"""Pinned tasks: who pinned which task, and when."""
