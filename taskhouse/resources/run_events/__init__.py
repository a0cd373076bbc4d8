"""Run events: both layers of every run that moves."""
