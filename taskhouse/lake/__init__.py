"""The lake: what the warehouses of several machines keep, in one place that everyone reads.

Each machine is a shard: it has its own home, spool and warehouse, and publishes what is new in its published copy.
DuckLake keeps the rows as Parquet files in a folder that all machines see, and the catalogue of these files in
PostgreSQL (or in SQLite, on one machine). A row of the lake never changes: it is there from the generation of its shard
that brought it, until a tombstone names it.
"""
