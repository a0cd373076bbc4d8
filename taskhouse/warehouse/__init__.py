"""The only floor that speaks to DuckDB: schema, staging, commits, the ledger and the published copy."""
