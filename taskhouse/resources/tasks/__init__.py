"""Tasks: the list, its newest end, its rotation, summaries of active tasks, and the proof that all are stored."""
