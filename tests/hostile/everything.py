"""Payloads through everything: spool, load, gaps, every view and macro, every check, the report and the export."""

import functools
import hashlib
import random
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb

from taskhouse import marts, report
from taskhouse.assets import checks
from taskhouse.assets.catalog import RESOURCE_ASSETS
from taskhouse.assets.queries import Queries, records
from taskhouse.capture import sanitize
from taskhouse.export import export
from taskhouse.pipelines.cli import status_answers
from taskhouse.reading import Snapshot
from taskhouse.report import Options
from taskhouse.settings import Settings
from taskhouse.spool.folder import Spool
from taskhouse.spool.line import Entry, RunKey
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse import sql
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.gaps import find_gaps
from taskhouse.warehouse.load import LAYERS, load_spool
from taskhouse.warehouse.load_batch import Loaded
from taskhouse.warehouse.publish import publish
from taskhouse.warehouse.reading import Reader
from taskhouse.warehouse.staging import of_table, stage
from tests.asked import looking
from tests.blank import blank
from tests.hostile.payloads import IMITATIONS, NUMBERS, TEXTS, TIMES

NOW = datetime(2026, 9, 20, tzinfo=UTC)
RUNS = 12
REQUIRED = {"BIGINT": 1, "INTEGER": 1, "DOUBLE": 1.0, "BOOLEAN": True, "VARCHAR": "x", "TIMESTAMP WITH TIME ZONE": NOW}
ROUND = 100
"""Payloads that are appended together."""

Privacy = Literal["full", "none"]


class Everything:
    """One home, and what went into it."""

    def __init__(self, home: Path, rng: random.Random, text: Privacy) -> None:
        self.home, self.rng, self.text = home, rng, text
        self.warehouse = Warehouse(blank(home / "warehouse.duckdb"), host="http://localhost:1", lock_wait_s=5)
        self.spool = Spool(home / "spool")
        self.told: dict[tuple[str, str], set[str]] = {}
        self.loaded = dict.fromkeys(LAYERS, Loaded())
        self.positions = [0] * RUNS
        self.count = 0
        with self.warehouse.transaction("beginning") as connection:
            passes = [{"resource": asset.name, "verdict": "complete"} for asset in RESOURCE_ASSETS.values()]
            _insert(connection, "ledger.passes", passes)

    def capture(self, payloads: Sequence[str]) -> None:
        """Put payloads into the spool, each into both layers, under ids of every kind."""
        with SpoolWriter(self.spool) as writer:
            for start in range(0, len(payloads), ROUND):
                some = [text.encode("utf-8", "replace") for text in payloads[start : start + ROUND]]
                place = self.rng.randrange(RUNS)
                live = [sanitize.entry(self._id(), text, self.text) for text in some]
                log = [
                    sanitize.entry(None, text, self.text)._replace(position=self.positions[place] + n)
                    for n, text in enumerate(some)
                ]
                self.positions[place] += len(some)
                for layer, entries in zip(LAYERS, (live, log), strict=True):
                    self._tell(layer, place, entries)
                    writer.append(layer, RunKey(1, "t", f"r{place}"), entries, leg="django")

    def load(self) -> None:
        """Load the spool; every line is accounted for, and every text is held."""
        for layer, loaded in load_spool(self.warehouse, self.spool).items():
            self.loaded[layer] += loaded
        assert self.spool.segments() == []
        assert list(self.spool.damaged.iterdir()) == []
        for loaded in self.loaded.values():
            assert loaded.lines == loaded.inserted + loaded.duplicates + loaded.quarantined + loaded.control_lines
            assert loaded.lines == self.count
        with self.warehouse.transaction("reading") as connection:
            for layer, table in zip(LAYERS, ("run_events", "run_log_entries"), strict=True):
                for run in range(RUNS):
                    found = connection.execute(f"SELECT sha256(payload) FROM raw.{table} WHERE run_id = ?", [f"r{run}"])
                    assert {digest for (digest,) in found.fetchall()} == self.told.get((layer, f"r{run}"), set())

    def describe(self, payloads: Sequence[str]) -> None:
        """Let payloads stand where the kept JSON of runs and tasks does, which the views read too."""
        rows = [
            {
                "task_id": f"r{number % (2 * RUNS)}",
                "run_id": f"r{number % (2 * RUNS)}",
                "status": self.rng.choice(["completed", "in_progress"]),
                "valid_from": NOW + timedelta(seconds=number),
                "created_at": NOW - timedelta(days=number % 7),
                "payload": text,
            }
            for number, text in enumerate(payloads)
        ]
        with self.warehouse.transaction("describing") as connection:
            _insert(connection, "raw.run_versions", rows)
            _insert(connection, "raw.task_versions", rows)
            _insert(connection, "raw.task_sightings", [{"task_id": f"r{number}"} for number in range(RUNS)])

    def find_gaps(self) -> None:
        """Search every run for gaps."""
        with self.warehouse.transaction("searching for gaps") as connection:
            runs = [f"r{run}" for run in range(RUNS)]
            find_gaps(connection, 1, runs, since=NOW - timedelta(days=3650), now=NOW)

    def check(self) -> None:
        """Ask every check of every asset, and everything that ``taskhouse status`` shows."""
        with self.warehouse.transaction("checking") as connection:
            queries = Queries(functools.partial(records, connection))
            for asset in RESOURCE_ASSETS.values():
                list(checks.answers(queries, asset, checks.keys_of(asset, "1")))
            settings = Settings(host="http://localhost:1", home=self.home, project_ids=(1,))
            shown = status_answers.answers(
                lambda question, **asked: sql.rows(connection.execute(status_answers._text(question), asked)),
                settings,
                [*RESOURCE_ASSETS],
            )
            assert None not in shown.values()

    def views(self) -> None:
        """Read every row of every view."""
        with looking(self.warehouse) as connection:
            for view in marts.VIEWS:
                _drain(connection, f"FROM main.{view}")

    def read(self) -> None:
        """Read every row of every view and table macro, every macro over every text, the report and the export."""
        self.views()
        with looking(self.warehouse) as connection:
            for name in marts.AS_OF:
                _drain(connection, f"FROM main.{name}({'DATE' if 'readiness' in name else 'TIMESTAMPTZ'} '2026-09-20')")
            macros(connection)
        copy = publish(self.warehouse, self.home / "published", force=True)
        assert copy is not None
        with closing(Snapshot(Reader(copy.path))) as house:
            for form in ("html", "md", "csv"):
                report.render(house, Options(format=form))
            export(self.home / "export", house)

    def all(self, payloads: Sequence[str], *, last: bool = True) -> None:
        """Everything, in the order of a pass; what costs as much as there is only the last time."""
        self.capture(payloads)
        self.load()
        self.find_gaps()
        self.check()
        if last:
            self.describe(payloads[: 20 * RUNS])
            self.read()

    def _id(self) -> str | None:
        ms = int(NOW.timestamp() * 1000)
        return self.rng.choice(
            [
                f"{ms + self.rng.randrange(10**9)}-{self.rng.randrange(3)}",
                f"{ms + self.rng.randrange(10**9)}-{self.rng.randrange(3)}",
                f"{ms + self.rng.randrange(10)}-0",
                None,
                f"{self.rng.choice(NUMBERS)}-{self.rng.choice(NUMBERS)}",
                f"log-{self.rng.choice(NUMBERS)}",
                self.rng.choice(["", "-", "x", "1-", "-1", "1-2-3", "\u0663-1", "[text 1 0123456789abcdef]"]),
            ]
        )

    def _tell(self, layer: str, place: int, entries: Sequence[Entry]) -> None:
        self.count += len(entries) if layer == "live" else 0
        texts = self.told.setdefault((layer, f"r{place}"), set())
        texts.update(hashlib.sha256(entry.data.decode("utf-8", "replace").encode()).hexdigest() for entry in entries)


def macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Every macro over every text that is held, and over every hostile value."""
    values = {"VARCHAR": [*NUMBERS, *TIMES, *IMITATIONS, *(text for text in TEXTS if text.isprintable()), None]}
    connection.execute("CREATE OR REPLACE TEMP TABLE hostile AS SELECT unnest($VARCHAR) AS said", values)
    for name, parameters in connection.execute(
        "SELECT function_name, parameters FROM duckdb_functions()"
        " WHERE schema_name = 'main' AND function_type = 'macro' AND NOT internal"
    ).fetchall():
        arguments = ", ".join(ARGUMENTS.get(parameter, "said") for parameter in parameters)
        for source in ("hostile", "(SELECT payload AS said FROM raw.run_events)") if arguments else ("hostile",):
            _drain(connection, f"SELECT main.{name}({arguments}) FROM {source}")


ARGUMENTS = {
    "moment": "TRY_CAST(said AS TIMESTAMPTZ)",
    "day": "TRY_CAST(said AS DATE)",
    **dict.fromkeys(("redacted", "absent", "internal", "archived"), "said IS NOT NULL"),
}
"""What a macro's parameter is given, where a text would be no value of its type."""


def _drain(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    """Read all rows as a client does, a few at a time."""
    result = connection.execute(text)
    while result.fetchmany(1000):
        pass


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Rows for a table; what they leave out is something of its type."""
    columns = of_table(connection, table)
    blank = {name: REQUIRED[kind] for name, kind in columns.items()}
    stage(connection, "incoming", [blank | row for row in rows], columns)
    connection.execute(f"INSERT INTO {table} BY NAME FROM incoming")
