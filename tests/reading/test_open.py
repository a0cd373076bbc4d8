"""What is published can be read from Python: frames, SQL and names that are checked."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pytest

import taskhouse
from taskhouse.errors import ConfigurationError, Corrupt
from taskhouse.reading import Snapshot, select
from taskhouse.settings import Settings
from taskhouse.warehouse import publish
from taskhouse.warehouse.connection import Warehouse
from tests.report.world import LAST, World, walk, with_runs
from tests.warehouse import reflinks

NAMES = ["acme/web", "acme/api", "other/o'brien"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_runs(walk(NAMES, days=20), days=5).publish(tmp_path_factory.mktemp("home"))


@pytest.fixture
def house(home: Path) -> Snapshot:
    return taskhouse.open(home)


def test_before_anything_is_published_the_error_names_the_command(tmp_path: Path) -> None:
    for where in (tmp_path, str(tmp_path / "nowhere"), Settings(home=tmp_path)):
        with pytest.raises(ConfigurationError, match="taskhouse sync"):
            taskhouse.open(where)


def test_home_folder_settings_and_file_open_the_same_generation(home: Path) -> None:
    link = home / "published" / "current.duckdb"
    for where in (home, str(home), home / "published", Settings(home=home), link):
        with taskhouse.open(where) as house:
            assert house.generation == link.readlink().stem


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.duckdb"
    broken.write_bytes(b"not a database" * 1000)
    with pytest.raises(Corrupt, match=r"broken\.duckdb"):
        taskhouse.open(broken)


def test_importing_taskhouse_imports_neither_pandas_nor_duckdb() -> None:
    code = "import sys, taskhouse; print([name for name in ('pandas', 'duckdb', 'pydantic') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_opening_does_not_import_pandas(home: Path) -> None:
    code = (
        "import sys, taskhouse; house = taskhouse.open(sys.argv[1]); house.records('SELECT 1');"
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_frame_has_the_view_s_rows_and_aware_times(house: Snapshot) -> None:
    frame = house.frame("readiness")
    assert len(frame) == house.records("SELECT count(*) AS n FROM readiness")[0]["n"] > 0
    assert str(frame["observed_at"].dt.tz) == "UTC"
    assert tuple(frame.columns) == house.views()["readiness"]


def test_filters_take_a_value_several_values_null_and_a_pattern(house: Snapshot) -> None:
    assert set(house.frame("readiness", repository="other/o'brien")["repository"]) == {"other/o'brien"}
    assert set(house.frame("readiness", repository="ACME/*")["repository"]) == {"acme/web", "acme/api"}
    assert set(house.frame("readiness", window_days=[7, 14])["window_days"]) == {7, 14}
    assert house.frame("readiness", window_days=[]).empty
    assert house.frame("readiness", evidence=None).empty
    assert house.frame("readiness", project_id=2).empty
    assert list(house.frame("readiness", columns=["overall", "repository"]).columns) == ["overall", "repository"]


def test_days_are_included_whole(house: Snapshot) -> None:
    days = house.frame("readiness_trend", since="2026-11-20", until=date(2026, 11, 22))["day"]
    assert {value.date() for value in days} == {date(2026, 11, 20) + timedelta(days=n) for n in range(3)}
    times = house.frame("readiness", since="2026-11-22", until="2026-11-22")["observed_at"]
    assert len(times) > 0
    assert {value.date() for value in times} == {date(2026, 11, 22)}


def test_a_moment_is_read_in_its_own_zone_and_ends_before_itself(house: Snapshot) -> None:
    east = timezone(timedelta(hours=9))
    noon = datetime(2026, 11, 22, 21, tzinfo=east)
    frame = house.frame("readiness", since=noon - timedelta(days=1), until=noon)
    assert frame["observed_at"].max() < noon.astimezone(UTC)
    assert frame["observed_at"].min() >= (noon - timedelta(days=1)).astimezone(UTC)


@pytest.fixture(scope="module")
def berlin(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """An answer every two hours for twelve days in which summer time begins in Berlin, where days begin."""
    world, home = World(), tmp_path_factory.mktemp("berlin")
    for hours in range(0, 12 * 24, 2):
        world.snapshot("acme/web", 7, datetime(2026, 3, 22, 0, 30, tzinfo=UTC) + timedelta(hours=hours), "ready")
    world.publish(home)
    zoned = Warehouse(home / "warehouse.duckdb", host="http://localhost:1", zone="Europe/Berlin")
    with zoned.transaction("a test"):
        pass
    publish.publish(zoned, home / "published", force=True)
    return taskhouse.open(home)


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("number", [1, 2, 8])
def test_a_day_begins_where_it_does_in_the_views(berlin: Snapshot, number: int) -> None:
    first = date(2026, 3, 25)
    last = first + timedelta(days=number - 1)
    bounds = {"since": first, "until": last}
    midnights = {
        "since": datetime(first.year, first.month, first.day, tzinfo=BERLIN),
        "until": datetime(last.year, last.month, last.day, tzinfo=BERLIN) + timedelta(days=1),
    }
    for each in (bounds, midnights):
        local = berlin.frame("readiness", **each)["observed_at"].dt.tz_convert("Europe/Berlin").dt.date
        days = berlin.frame("readiness_trend", **each)["day"].dt.date
        assert sorted(set(local)) == sorted(days) == [first + timedelta(days=back) for back in range(number)]
        assert len(local) == 12 * number - (first <= date(2026, 3, 29) <= last)  # that day has 23 hours, so 11 answers


def test_a_day_or_week_counts_if_a_part_of_it_does(berlin: Snapshot) -> None:
    noon = datetime(2026, 3, 26, 12, tzinfo=BERLIN)
    midnight = datetime(2026, 3, 30, tzinfo=BERLIN)
    days = berlin.frame("readiness_daily", since=noon, until=midnight)["day"].dt.date
    assert sorted(days) == [date(2026, 3, 26) + timedelta(days=number) for number in range(4)]
    for until, weeks in ((midnight, [date(2026, 3, 23)]), (date(2026, 3, 30), [date(2026, 3, 23), date(2026, 3, 30)])):
        assert sorted(berlin.frame("readiness_weekly", since=noon, until=until)["week"].dt.date) == weeks


def test_a_day_before_or_after_all_others_is_a_bound_too(berlin: Snapshot) -> None:
    every = len(berlin.frame("readiness"))
    assert len(berlin.frame("readiness", since=date.min, until=date.max)) == every == 12 * 12
    assert berlin.frame("readiness", since=date.max).empty
    assert berlin.frame("readiness_trend", until="0001-01-01").empty


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01", datetime(2026, 1, 1)])  # noqa: DTZ001 - the point
def test_a_moment_that_cannot_be_read_is_refused(house: Snapshot, moment: str | datetime) -> None:
    with pytest.raises(ConfigurationError, match="since="):
        house.frame("readiness", since=moment)


@pytest.mark.parametrize(
    "name", ["nothing", 'readiness"; DROP VIEW readiness; --', "(SELECT 1)", "information_schema.tables", ""]
)
def test_only_names_that_exist_reach_a_statement(house: Snapshot, name: str) -> None:
    with pytest.raises(ConfigurationError, match="There is no view"):
        house.frame(name)


@pytest.mark.parametrize("name", ["nothing", "1=1 OR repository", 'repository" = 1 OR "repository'])
def test_only_columns_that_exist_reach_a_statement(house: Snapshot, name: str) -> None:
    for filters in ({"columns": [name]}, {name: 1}):
        with pytest.raises(ConfigurationError, match="has no column"):
            house.frame("readiness", **filters)


def test_a_value_is_never_part_of_the_statement() -> None:
    text, parameters = select("main.t", {"a": "VARCHAR"}, filters={"a": "'; DROP TABLE t; --"})
    assert text == 'SELECT * FROM "main"."t" WHERE "a" = $p0'
    assert parameters == {"p0": "'; DROP TABLE t; --"}


def test_a_name_with_a_quote_stays_one_name() -> None:
    text, _ = select("main.t", {'a"b': "VARCHAR"}, columns=['a"b'])
    assert text == 'SELECT "a""b" FROM "main"."t"'


def test_one_text_is_no_collection_of_columns(house: Snapshot) -> None:
    with pytest.raises(ConfigurationError, match=r"columns=\['day'\]"):
        house.frame("readiness_trend", columns="day")


def test_tables_of_the_ledger_can_be_read(house: Snapshot) -> None:
    assert set(house.frame("ledger.passes", verdict="complete")["resource"]) >= {"tasks", "readiness"}
    assert "ledger.passes" in house.tables()
    assert "ledger.passes" not in house.views()


def test_a_view_describes_its_columns(house: Snapshot) -> None:
    said = house.describe("readiness_trend").set_index("column")
    assert tuple(said.index) == house.views()["readiness_trend"]
    assert said.loc["day", "type"] == "DATE"
    assert "time zone" in str(said.loc["day", "says"])


def test_sql_takes_parameters_by_name(house: Snapshot) -> None:
    frame = house.sql("SELECT $a + 1 AS b, $c AS d", a=1, c="x'y")
    assert frame.to_dict("records") == [{"b": 2, "d": "x'y"}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SELECT $a", "parameter"),
        ("SELECT * FROM nothing_here", "nothing_here"),
        ("DELETE FROM raw.readiness_snapshots", "read-only"),
        ("CREATE TABLE t AS SELECT 1", "read-only"),
    ],
)
def test_a_statement_that_cannot_run_says_why(house: Snapshot, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        house.sql(text)


def test_a_variable_is_never_taken_for_a_table(house: Snapshot) -> None:
    secrets_here = pd.DataFrame({"a": [1]})
    assert len(secrets_here) == 1
    with pytest.raises(ConfigurationError, match="secrets_here"):
        house.sql("SELECT * FROM secrets_here")


def test_what_is_published_later_is_seen_by_the_next_reader_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reflinks.refuse(monkeypatch)
    world = walk(["acme/web"], days=3)
    house = world.open(tmp_path)
    before = len(house.frame("readiness"))
    for _ in range(4):  # more generations than are kept
        world.tables = {}
        world.snapshot("acme/late", 7, LAST + timedelta(hours=9), "ready")
        world.publish(tmp_path)
    assert not house.path.exists()
    assert len(house.frame("readiness")) == before
    with taskhouse.open(tmp_path) as fresh:
        assert len(fresh.frame("readiness", repository="acme/late")) == 4
    house.close()


def test_a_generation_that_vanishes_while_it_is_opened_is_looked_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    World().publish(tmp_path)
    answers = [tmp_path / "gone.duckdb", publish.readable(tmp_path / "published")]
    monkeypatch.setattr(publish, "readable", lambda _: answers.pop(0))
    assert taskhouse.open(tmp_path).records("SELECT 1 AS one") == [{"one": 1}]


def test_a_closed_house_says_so(house: Snapshot) -> None:
    house.close()
    house.close()
    with pytest.raises(ConfigurationError, match="closed"):
        house.sql("SELECT 1")


def test_arrow_says_what_is_missing(house: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match="pip install pyarrow"):
        house.arrow("readiness")


def test_arrow_gives_a_table(house: Snapshot) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is optional")
    assert house.arrow("readiness", columns=["overall"]).num_rows == len(house.frame("readiness"))


def test_the_file_on_disk_is_never_written(house: Snapshot) -> None:
    before = (house.path.stat().st_mtime_ns, house.path.stat().st_mode & 0o777)
    house.frame("readiness_trend")
    assert (house.path.stat().st_mtime_ns, house.path.stat().st_mode & 0o777) == before
    assert before[1] == 0o400
    assert not Path(f"{house.path}.wal").exists()
    assert duckdb.__version__
