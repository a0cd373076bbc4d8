"""Everything in this folder is loaded by Dagster."""
