"""The only floor that speaks to DuckDB: schema, staging, commits, the ledger and the published copy.

Ctrl-C waits until DuckDB is imported: a Python error within that import ends the process with a core dump.
"""

import signal

_before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
try:
    import duckdb  # noqa: F401
finally:
    signal.pthread_sigmask(signal.SIG_SETMASK, _before)
