"""Run a case: a server of its own, one run of each contender to warm up, then rounds in which they take turns."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.case import Case, CaseResults, Contender, Figures, Size
from benchmarks.harness.environments import ROOT, python

LONGEST_S = 1800
"""A contender that takes longer has failed."""


def run(case: Case, size: Size, *, rounds: int, full: bool, only: frozenset[str]) -> Iterator[tuple[str, CaseResults]]:
    """Each contender's name and what is known after its run.

    Args:
        case: The case.
        size: One of its sizes.
        rounds: How often each contender is measured.
        full: Whether slow contenders are measured as often as the others.
        only: Names of the contenders that are measured.
    """
    outcome = CaseResults(case, size)
    contenders = [one for one in case.contenders if one.name in only]
    if not contenders:
        return
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(case.serve(size)) if case.serve else ""
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (given := folder / "given").mkdir()
        (given / "size.json").write_text(json.dumps(dict(size)), "utf-8")
        outcome.facts = case.prepare(url, given)
        turns = _Turns(case, url, folder, outcome)
        for number in range(rounds + 1):
            shift = number % len(contenders)
            for contender in [*contenders[shift:], *contenders[:shift]]:
                once = contender.apart or (contender.slow and not full)
                if contender.name in outcome.failures or (once and number > 1) or (contender.apart and number == 0):
                    continue
                turns.take(contender, counts=number > 0)
                yield contender.name, outcome


class _Turns:
    """One run after the other, each in a fresh folder."""

    def __init__(self, case: Case, url: str, folder: Path, outcome: CaseResults) -> None:
        self.case, self.url, self.folder, self.outcome = case, url, folder, outcome

    def take(self, contender: Contender, *, counts: bool) -> None:
        """One run; its figures are kept if it counts."""
        home = self.folder / "home"
        try:
            self._fill(contender, home)
            figures = self._figures_of(contender, "measure", home)
            wanted = self.outcome.facts.get("rows")
            if wanted is not None and figures.get("rows") != wanted:
                raise ValueError(f"{figures.get('rows')} rows, and {wanted} were expected")  # noqa: TRY301
        except (ValueError, IndexError, subprocess.SubprocessError) as problem:
            self.outcome.failures[contender.name] = str(problem)
        else:
            if counts:
                self.outcome.runs.setdefault(contender.name, []).append(figures)
        finally:
            shutil.rmtree(home, ignore_errors=True)

    def _fill(self, contender: Contender, home: Path) -> None:
        if not self.case.prepared:
            home.mkdir()
            return
        mould = self.folder / contender.name.replace("/", "-")
        if not mould.exists():
            mould.mkdir()
            self._figures_of(contender, "prepare", mould)
        shutil.copytree(mould, home, symlinks=True)

    def _figures_of(self, contender: Contender, mode: str, home: Path) -> Figures:
        """The figures in the last line of a process; one that prepares has none."""
        self.case.before(self.url, mode)
        answered = self.case.requests(self.url) if self.case.requests else 0
        module: list[str | Path] = [
            "-m",
            f"benchmarks.contenders.{contender.module}",
            mode,
            self.url,
            self.folder / "given",
            home,
        ]
        done = subprocess.run(
            [python(contender.environment), *module, *contender.arguments],
            cwd=ROOT,
            env=_environment(home),
            check=False,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
        )
        if done.returncode:
            raise ValueError(_last_words(done.stderr) or f"exit code {done.returncode}")
        figures: Figures = json.loads(done.stdout.splitlines()[-1]) if mode == "measure" else {}
        if self.case.requests:
            figures["requests"] = self.case.requests(self.url) - answered
        return figures


def _last_words(stderr: str) -> str:
    """The end of what a process wrote, without the marks below lines of a traceback."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip(" ^~")]
    return "; ".join(lines[-2:])


def _environment(home: Path) -> dict[str, str]:
    """The environment of a contender: ours without what could change it, and no word to anybody."""
    left = {name: text for name, text in os.environ.items() if not name.startswith(("TASKHOUSE_", "POSTHOG_"))}
    return left | {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(home / "dlt-data")}
