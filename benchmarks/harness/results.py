"""The results as Markdown and JSON."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.harness.case import CaseResults, Contender, Figures
from benchmarks.harness.environments import ROOT, versions


def machine() -> dict[str, Any]:
    """What it ran on."""
    info = _lines(Path("/proc/cpuinfo"))
    memory = _lines(Path("/proc/meminfo")).get("MemTotal", "0 kB").split()[0]
    return {
        "processor": info.get("model name", platform.processor() or platform.machine()),
        "cores": os.cpu_count(),
        "memory_gb": round(int(memory) / 1e6, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _lines(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    parts = (line.partition(":") for line in path.read_text("utf-8").splitlines())
    return {name.strip(): value.strip() for name, _, value in parts}


class Results:
    """What a benchmark measured; written again after each run, so that an interrupted one leaves what it has."""

    def __init__(self, folder: Path, *, rounds: int, commit: str) -> None:
        self.folder, self.rounds, self.commit = folder, rounds, commit
        self.began = datetime.now(UTC)
        self.machine = machine()
        self.load = [os.getloadavg()[0]]
        self.versions: dict[str, dict[str, str]] = {}
        self.outcomes: list[CaseResults] = []
        folder.mkdir(parents=True, exist_ok=True)

    def write(self) -> None:
        """Write ``results.md`` and ``results.json``."""
        self.load.append(os.getloadavg()[0])
        for environment in {one.environment for outcome in self.outcomes for one in _measured(outcome)}:
            if environment not in self.versions:
                self.versions[environment] = versions(environment)
        (self.folder / "results.md").write_text(self.markdown(), "utf-8")
        (self.folder / "results.json").write_text(json.dumps(self.plain(), indent=2) + "\n", "utf-8")

    def plain(self) -> dict[str, Any]:
        """Everything, with the figures of every run."""
        return {
            "began": self.began.isoformat(timespec="seconds"),
            "commit": self.commit,
            "machine": self.machine,
            "load": {"first": self.load[0], "highest": max(self.load)},
            "rounds": self.rounds,
            "versions": self.versions,
            "cases": [
                {
                    "case": outcome.case.name,
                    "size": dict(outcome.size),
                    "facts": outcome.facts,
                    "runs": outcome.runs,
                    "medians": {name: medians(runs) for name, runs in outcome.runs.items()},
                    "failures": outcome.failures,
                }
                for outcome in self.outcomes
            ],
        }

    def markdown(self) -> str:
        """For people."""
        here = self.machine
        environments = "; ".join(
            f"{name}: {', '.join(f'{package} {version}' for package, version in sorted(found.items()))}"
            for name, found in sorted(self.versions.items())
        )
        hardware = (
            f"{here['cores']} cores ({here['processor']}), {here['memory_gb']} GB, {here['system']}, Python"
            f" {here['python']}. Load average {self.load[0]:.1f} before, {max(self.load):.1f} at most."
        )
        method = (
            f"Medians of {self.rounds} rounds (smallest to largest) after one to warm up. Seconds depend on what else"
            " the machine does; processor time, of all threads and child processes of a contender, less so. Ratios"
            " are taken within a round."
        )
        parts = [
            f"# Benchmark of {self.began:%d %B %Y, %H:%M} UTC, commit {self.commit}",
            hardware,
            f"Versions: {environments}.",
            method,
            *(part for outcome in self.outcomes for part in _sections(outcome)),
        ]
        return "\n\n".join(parts) + "\n"


def _measured(outcome: CaseResults) -> list[Contender]:
    return [one for one in outcome.case.contenders if one.name in outcome.runs]


def medians(runs: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    names = [name for name, value in runs[0].items() if isinstance(value, int | float)]
    return {name: statistics.median(one[name] for one in runs) for name in names}


def _sections(outcome: CaseResults) -> Iterable[str]:
    case = outcome.case
    size = ", ".join(f"{number:,} {name}" for name, number in outcome.size.items())
    facts = ", ".join(f"{name} {_figure(value)}" for name, value in outcome.facts.items())
    yield f"## {case.name}" + (f": {size}" if size else "")
    yield case.about + (f" Here: {facts}." if facts else "")
    compared = [one for one in _measured(outcome) if not one.apart]
    if compared:
        yield _table(outcome, [one.name for one in compared])
    for contender in case.contenders:
        runs = outcome.runs.get(contender.name, [])
        for heading in runs[0].get("tables", {}) if runs else ():
            yield f"{contender.name}: {heading}"
            yield _rows(_middle([run["tables"][heading] for run in runs]))
    promises = [f"- **{one.name}**: {one.promises}" for one in compared]
    if promises:
        yield "\n".join(promises)
    if outcome.failures:
        yield "\n".join(f"- **{name} failed**: {why}" for name, why in outcome.failures.items())


def _table(outcome: CaseResults, names: Sequence[str]) -> str:
    case, first = outcome.case, names[0]
    columns = dict(case.columns)
    headings = [*columns.values(), *([case.per[1]] if case.per else []), f"processor time, {first} = 1"]
    lines = [f"| | {' | '.join(headings)} |", f"| --- |{' ---: |' * len(headings)}"]
    for name in names:
        runs = outcome.runs[name]
        cells = [_range([one[column] for one in runs if column in one]) for column in columns]
        if case.per:
            cells.append(_range([one["cpu_s"] * 1e6 / max(1, one[case.per[0]]) for one in runs]))
        ratios = [
            one["cpu_s"] / max(1e-9, other["cpu_s"]) for one, other in zip(runs, outcome.runs[first], strict=False)
        ]
        lines.append(f"| {name} | {' | '.join([*cells, _range(ratios)])} |")
    return "\n".join(lines)


def _middle(tables: Sequence[Sequence[Figures]]) -> list[Figures]:
    """The medians of tables that have the same rows."""
    same = list(zip(*tables, strict=True))
    return [rows[0] | medians(rows) for rows in same]


def _rows(rows: Sequence[Figures]) -> str:
    names = list(rows[0])
    marks = ["---" if isinstance(rows[0][name], str) else "---:" for name in names]
    lines = [f"| {' | '.join(names)} |", f"| {' | '.join(marks)} |"]
    lines += [f"| {' | '.join(_figure(row[name]) for name in names)} |" for row in rows]
    return "\n".join(lines)


def _range(values: Sequence[float]) -> str:
    if not values:
        return ""
    middle, least, most = statistics.median(values), min(values), max(values)
    if least == most:
        return _figure(middle)
    return f"{_figure(middle)} ({_figure(least)} to {_figure(most)})"


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def commit() -> str:
    """The commit that is measured, and whether the files differ from it; ``unknown`` if the folder is no clone."""
    asked = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=12", "--dirty= with changes", "--exclude=*"]
    found = subprocess.run(asked, check=False, capture_output=True, text=True)
    return found.stdout.strip() or "unknown"
