"""The engine: it knows PostHog Tasks and DuckDB, and has never heard of Dagster."""
