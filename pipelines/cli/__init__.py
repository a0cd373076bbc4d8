"""The command line: ``taskhouse``."""

import sys


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    from pipelines.cli.app import app
    from taskhouse.home import close

    close()
    sys.exit(app())
