"""Repositories: sightings of what the server lists."""
