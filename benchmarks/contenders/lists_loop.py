"""A plain loop over the list of tasks: every page is parsed and forgotten."""

from benchmarks.contenders import lists, measure


def main() -> None:
    """Measure."""
    asked, rows = measure.asked(), 0

    def work() -> None:
        nonlocal rows
        rows = sum(map(len, lists.pages(asked.url)))

    measure.tell(**measure.measured(work), rows=rows)


if __name__ == "__main__":
    main()
