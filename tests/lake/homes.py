"""Homes with a warehouse that changes as a warehouse does, and what the lake should have of it."""

import random
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from taskhouse.lake import schema
from taskhouse.lake.engine import Lake
from taskhouse.lake.tables import DERIVED, SHARED
from taskhouse.settings import Settings
from taskhouse.warehouse import derive, publish
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.engine import connect
from tests.blank import blank

HOST = "http://127.0.0.1:1"
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
ENDED = "SEMI JOIN (SELECT * FROM ended WHERE is_stored) AS run USING (project_id, run_id)"

Rows = Counter[str]
CHANGES = Path(__file__).with_name("changes.sql").read_text("utf-8").split("\n;\n")[:-1]


def derived(path: Path) -> Path:
    """Store in a warehouse what is computed from its events."""
    derive.derive(Warehouse(path, host=HOST, copies=path.with_name("published")), everything=True)
    path.with_suffix(".json").unlink(missing_ok=True)
    return path


class Home:
    """A home of one project.

    Args:
        folder: Where.
        shard: Its name in the lake.
        lake: The lake.
        project: Its project.
        history: A warehouse to begin with, as :func:`derived` leaves it.
    """

    def __init__(self, folder: Path, shard: str, lake: Lake, *, project: int, history: Path | None) -> None:
        self.settings = Settings(
            _env_file=None,
            home=folder,
            host=HOST,
            project_ids=(project,),
            shard=shard,
            lake=SecretStr(lake.address),
            lake_data=lake.data,
            lock_wait_s=20,
        )
        self.shard, self.project, self.dice = shard, project, random.Random(f"{shard}{project}")
        folder.mkdir(parents=True)
        path = self.settings.warehouse
        shutil.copyfile(history, path) if history else blank(path)
        self.warehouse = Warehouse(path, host=HOST, copies=self.settings.published)
        with self.warehouse.transaction("a test") as connection:
            connection.execute("UPDATE ledger.origin SET id = ?", [f"home-{shard}"])
            names = connection.execute(
                "SELECT schema_name || '.' || table_name FROM duckdb_columns() WHERE database_name = current_database()"
                " AND schema_name IN ('raw', 'ledger', 'mart') AND column_name = 'project_id' AND NOT internal"
            ).fetchall()
            for (name,) in names:
                connection.execute(f"UPDATE {name} SET project_id = ?", [project])
        path.with_suffix(".json").unlink(missing_ok=True)
        self.number = 0
        self.publish()

    def publish(self) -> Path:
        """Publish a copy of what is committed."""
        made = publish.publish(self.warehouse, self.settings.published, force=True)
        assert made is not None
        return made.path

    def change(self, rows: int = 20) -> None:
        """A drawn change of every kind that a warehouse knows, in one commit each: rows come, change and vanish."""
        self.number += 1
        now = BEGAN + timedelta(minutes=self.number)
        run = f"run-{self.project}-{self.dice.randrange(6)}"
        here = {"project": self.project, "run": run, "now": now, "number": self.number, "rows": rows}
        with self.warehouse.transaction("a test") as connection:
            for text in self.dice.sample(CHANGES, self.dice.randint(1, len(CHANGES))):
                named = {name: value for name, value in here.items() if f"${name}" in text}
                connection.execute(text, named or None)
        if self.dice.random() < 0.3:
            derive.derive(self.warehouse, everything=True)
        self.publish()

    def truth(self) -> dict[str, Rows]:
        """What the lake should have of the newest copy, by table."""
        found = publish.current(self.settings.published)
        assert found is not None
        rows: dict[str, Rows] = {}
        with connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"ATTACH '{found.path}' AS copy (READ_ONLY)")
            for table in SHARED:
                rows[table.name] = Counter(map(repr, connection.execute(schema.rows_of(table)).fetchall()))
            runs = next(table for table in SHARED if table.name == "mart.runs")
            connection.execute(f"CREATE TEMP TABLE ended AS {schema.rows_of(runs)}")
            for name in DERIVED:
                rows[name] = Counter(
                    map(repr, connection.execute(f"SELECT stored.* FROM copy.{name} AS stored {ENDED}").fetchall())
                )
        return rows
