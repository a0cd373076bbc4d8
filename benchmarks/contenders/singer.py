"""A Singer tap, piped into target-duckdb as `tap | target-duckdb --config config.json`."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
from singer_sdk import Tap  # type: ignore[import-not-found]
from singer_sdk import typing as th

from benchmarks.contenders import measure

CONFIG = th.PropertiesList(*(th.Property(name, th.StringType) for name in ("url", "given"))).to_dict()


def main(tap: type[Tap], module: str, question: str) -> None:
    """Measure, and answer a question for figures; as ``tap``, be the tap."""
    asked = measure.asked()
    if asked.mode == "tap":
        tap(config={"url": asked.url, "given": str(asked.given)}).sync_all()
        return
    path, config = asked.home / "singer.duckdb", asked.home / "config.json"
    config.write_text(json.dumps({"path": str(path), "default_target_schema": "main"}), "utf-8")
    source: list[str | Path] = [sys.executable, "-m", module, "tap", asked.url, asked.given, asked.home]
    target: list[str | Path] = [Path(sys.executable).parent / "target-duckdb", "--config", config]

    def work() -> None:
        with subprocess.Popen(source, stdout=subprocess.PIPE) as records:
            subprocess.run(target, stdin=records.stdout, stdout=subprocess.DEVNULL, check=True)

    figures = measure.measured(work)
    if asked.mode == "prepare":
        return
    with duckdb.connect(str(path)) as connection:
        answer = connection.execute(question)
        names = [column[0] for column in answer.description or ()]
        counts = dict(zip(names, answer.fetchall()[0], strict=True))
    measure.tell(**figures, **counts, disk_mb=measure.size_mb(path))
