"""Runs: the lists of runs of tasks whose runs may have changed."""
