"""Task usage: what each task cost, where the settings want it known."""
