"""``python -m taskhouse.pipelines.cli``: the command line without its script."""

from taskhouse.pipelines.cli import main

main()
