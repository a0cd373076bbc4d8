"""Run events: both layers of every active run."""
