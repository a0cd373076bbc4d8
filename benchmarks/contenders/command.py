"""A command as people type it: how long until it has ended. What it prints is dropped."""

import subprocess

from benchmarks.contenders import measure


def main() -> None:
    """Measure."""
    asked = measure.asked()

    def work() -> None:
        subprocess.run(asked.arguments, check=True, stdout=subprocess.DEVNULL, cwd=asked.home)

    measure.tell(**measure.measured(work))


if __name__ == "__main__":
    main()
