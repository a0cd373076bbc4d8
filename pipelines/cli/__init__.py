"""The command line: ``taskhouse``."""

import os
import sys


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    if not os.environ.get("COLUMNS", "1").strip("0"):
        del os.environ["COLUMNS"]  # what a shell says that does not know its width; Rich would print nothing
    from pipelines.cli.app import app
    from taskhouse.home import close

    close()
    sys.exit(app())
