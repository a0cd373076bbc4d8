"""History: a version for every real change, none overlapping, absences that can end, and any day is one query."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskhouse.resources.runs import spec as runs
from taskhouse.resources.tasks import spec as tasks
from taskhouse.warehouse.commit import WriteBatch, commit
from taskhouse.warehouse.connection import Warehouse
from tests.asked import looking
from tests.blank import blank

pytestmark = pytest.mark.usefixtures("attached")

START = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = ("a", "b", "c")
DOCS = Path(__file__).parents[2] / "docs" / "extraction.md"


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(blank(tmp_path / "warehouse.duckdb"), host="http://localhost:1")


def moment(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def version(key: str, content: str, minute: int, page: int) -> dict[str, Any]:
    return {
        "project_id": 1,
        "task_id": key,
        "valid_from": moment(minute).isoformat(),
        "observed_in": "list",
        "title": content,
        "created_at": START.isoformat(),
        "content_hash": content,
        "payload": "{}",
        "pass_id": "p",
        "page": page,
    }


def sighting(key: str, minute: int) -> dict[str, Any]:
    return {"project_id": 1, "key": key, "seen_at": moment(minute).isoformat(), "pass_id": "p", "page": 1}


class Model:
    """What the tables should hold, in Python."""

    def __init__(self) -> None:
        self.versions: dict[str, list[str]] = {key: [] for key in KEYS}
        self.newest: dict[str, int] = {}
        self.stretches: dict[str, list[list[int | None]]] = {key: [] for key in KEYS}

    def observe(self, key: str, content: str, minute: int) -> None:
        if minute < self.newest.get(key, 0):
            return  # late, and refused
        if self.versions[key][-1:] != [content]:
            self.versions[key].append(content)
            self.newest[key] = minute

    def see(self, key: str, minute: int) -> None:
        held = self.stretches[key]
        if not held or held[-1][2] is not None:
            held.append([minute, minute, None])
        held[-1][1] = max(held[-1][1] or 0, minute)

    def miss(self, key: str, minute: int) -> None:
        held = self.stretches[key]
        if held and held[-1][2] is None:
            held[-1][2] = minute


OBSERVATIONS = st.lists(
    st.lists(
        st.tuples(st.sampled_from(KEYS), st.sampled_from(["red", "green", "blue"]), st.sampled_from(["see", "miss"])),
        min_size=1,
        max_size=5,
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=20, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=OBSERVATIONS, late=st.booleans())
def test_any_sequence_of_observations(warehouse: Warehouse, batches: Any, late: bool) -> None:  # noqa: FBT001
    model, minute = Model(), 10
    with warehouse.transaction("observing") as connection:
        for table in ("task_versions", "task_sightings"):
            connection.execute(f"DELETE FROM raw.{table}")
        for given_batch in batches:
            batch, page = WriteBatch(), 0
            seen: set[str] = set()
            for key, content, what in given_batch:
                minute, page = minute + 1, page + 1
                if what == "see":
                    batch.add(tasks.VERSIONS, version(key, content, minute, page))
                    model.observe(key, content, minute)
                    batch.see(tasks.SIGHTINGS, sighting(key, minute))
                    model.see(key, minute)
                    seen.add(key)
            commit(connection, batch)
            gone = [key for key, _, what in given_batch if what == "miss" and key not in seen]
            minute += 1
            commit(connection, WriteBatch(absent={tasks.SIGHTINGS: [sighting(key, minute) for key in set(gone)]}))
            for key in set(gone):
                model.miss(key, minute)
            if late:
                commit(connection, WriteBatch({tasks.VERSIONS: [version(key, "late", 1, 99) for key in model.newest]}))
        for key in KEYS:
            held = connection.execute(
                "SELECT title FROM raw.task_versions WHERE task_id = ? ORDER BY valid_from", [key]
            ).fetchall()
            assert [title for (title,) in held] == model.versions[key]
            stretches = connection.execute(
                "SELECT first_seen_at, last_seen_at, absent_since FROM raw.task_sightings WHERE task_id = ?"
                " ORDER BY first_seen_at",
                [key],
            ).fetchall()
            wanted = [tuple(None if at is None else moment(at) for at in stretch) for stretch in model.stretches[key]]
            assert stretches == wanted
        assert_sound(connection)


def assert_sound(connection: Any) -> None:
    """No two versions of one moment; at most one open stretch, none overlapping."""
    bad = connection.execute(
        """
        SELECT task_id FROM raw.task_versions GROUP BY task_id, valid_from HAVING count(*) <> 1
        UNION ALL
        SELECT task_id FROM raw.task_sightings WHERE absent_since IS NULL GROUP BY task_id HAVING count(*) > 1
        UNION ALL
        SELECT one.task_id FROM raw.task_sightings AS one INNER JOIN raw.task_sightings AS two
        ON one.task_id = two.task_id AND one.first_seen_at < two.first_seen_at
        AND coalesce(one.absent_since > two.first_seen_at, true)
        """
    ).fetchall()
    assert bad == []


def as_of(house: Any, at: datetime) -> dict[str, str]:
    """The query of the documentation."""
    blocks = re.findall(r"```sql\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    text = next(block for block in blocks if "$moment" in block)
    with looking(house.warehouse()) as connection:
        result = connection.execute(text, {"moment": at})
        names = [column[0] for column in result.description]
        rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    return {row["task_id"]: row["title"] for row in rows}


def test_what_the_tasks_looked_like_at_any_moment_is_one_query(make_house: Any) -> None:
    house = make_house()
    house.sync("tasks")
    one, two, *_ = [row[0] for row in house.present()]
    monday, before = house.now(), as_of(house, house.now())
    assert len(before) == len(house.present())
    house.emulator.mutate("rename", task_id=one, title="another")
    house.emulator.mutate("hide", task_id=two)
    house.later = timedelta(days=1)
    house.sync("tasks")
    tuesday = house.now()
    house.emulator.mutate("show", task_id=two)
    house.later = timedelta(days=2)
    house.sync("tasks")
    wednesday = house.now()
    assert as_of(house, monday) == before
    assert as_of(house, tuesday) == {**{key: before[key] for key in before if key != two}, one: "another"}
    assert as_of(house, wednesday) == {**before, one: "another"}
    assert as_of(house, monday - timedelta(days=1)) == {}


def test_what_a_run_says_late_does_not_undo_what_is_known(make_house: Any) -> None:
    house = make_house()
    house.sync("tasks")
    house.sync("runs")
    with house.warehouse().transaction("reading") as connection:
        columns = [row[0] for row in connection.execute("DESCRIBE raw.run_versions").fetchall()]
        row = connection.execute("SELECT * FROM raw.run_versions LIMIT 1").fetchone()
        held = dict(zip(columns, [str(value) if isinstance(value, datetime) else value for value in row], strict=True))
        late = {**held, "status": "queued", "content_hash": "late", "valid_from": "2026-01-01T00:00:00+00:00"}
        assert commit(connection, WriteBatch({runs.VERSIONS: [late]}))["run_versions"] == 0
        newer = {**late, "valid_from": (house.now() + timedelta(hours=1)).isoformat()}
        assert commit(connection, WriteBatch({runs.VERSIONS: [newer]}))["run_versions"] == 1
