"""Ctrl-C while DuckDB is imported."""

import subprocess
import sys

INTERRUPTED = """
import os, signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == "_duckdb":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
try:
    import taskhouse.warehouse
except KeyboardInterrupt:
    print(hasattr(sys.modules["duckdb"], "connect"))
"""


def test_an_interrupt_waits_until_duckdb_is_there() -> None:
    shown = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stdout) == (0, "True\n"), shown.stderr
