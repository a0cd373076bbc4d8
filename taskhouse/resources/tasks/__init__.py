"""Tasks: the list, its newest end, its rotation, summaries of what moves, and the proof that all are held."""
