"""Pinned tasks: who pinned which task, and from when to when."""
