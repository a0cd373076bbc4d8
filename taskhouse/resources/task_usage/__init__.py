"""Task usage: what each task has cost, if the setting is on."""
