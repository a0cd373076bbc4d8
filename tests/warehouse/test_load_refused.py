"""Lines that DuckDB refuses stop no others; what no line causes ends the load."""

import duckdb
import pytest

from taskhouse.spool.folder import Spool
from taskhouse.spool.line import Entry, RunKey
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse import load, load_batch, sql
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.load import load_spool
from taskhouse.warehouse.load_batch import Loaded
from tests.warehouse.spooled import LOG_CURSOR, entry, event, rows, spooled

pytestmark = pytest.mark.usefixtures("attached")

NO_TASK = RunKey(1, None, "r")  # type: ignore[arg-type]
"""A line of it has no task, which the table refuses: it stands for everything that DuckDB cannot load."""


@pytest.mark.parametrize("layer", ["live", "log"])
def test_a_line_that_cannot_be_loaded_goes_to_quarantine_and_the_rest_goes_on(
    warehouse: Warehouse, spool: Spool, layer: str
) -> None:
    def one(n: int) -> Entry:
        return event(f"{n}-0", f'{{"n":{n}}}') if layer == "live" else entry(n, f'{{"n":{n}}}')

    with SpoolWriter(spool) as writer:
        for first in (0, 20, 40):
            writer.append(layer, RunKey(1, "t", "r"), [one(n) for n in range(first, first + 9)], leg="django")
            if first == 20:
                writer.append(layer, NO_TASK, [one(29)], leg="django")
            writer.append(layer, RunKey(1, "t", "r"), [one(n) for n in range(first + 10, first + 20)], leg="django")
            writer.seal()
    reports: list[str] = []
    loaded = load_spool(warehouse, spool, report=reports.append)[layer]
    assert (loaded.lines, loaded.inserted, loaded.duplicates, loaded.quarantined, loaded.control_lines) == (
        58,
        57,
        0,
        1,
        0,
    )
    assert (spool.segments(), list(spool.damaged.iterdir())) == ([], [])
    key = "r@29-0" if layer == "live" else "r@29"
    assert rows(warehouse, "SELECT record_key, payload, kind FROM ledger.quarantine") == [
        (key, '{"n":29}', "not_loadable")
    ]
    assert reports == [f"the event {key} cannot be loaded and is in quarantine"]
    table = "run_events" if layer == "live" else "run_log_entries"
    assert rows(warehouse, f"SELECT count(DISTINCT payload) FROM raw.{table}") == [(57,)]
    assert rows(warehouse, "SELECT sum(lines), sum(inserted), sum(quarantined) FROM ledger.segments") == [(58, 57, 1)]
    cursor = rows(warehouse, "SELECT position FROM ledger.cursors WHERE resource LIKE 'run_%'")
    assert cursor == [("59-0" if layer == "live" else "60",)]


def test_a_mark_that_cannot_be_loaded_is_set_aside_too(warehouse: Warehouse, spool: Spool) -> None:
    with SpoolWriter(spool) as writer:
        writer.append("log", RunKey(1, "t", "r"), [entry(0, "{}")], leg="pass")
        writer.mark("log", RunKey(None, "t", "r"), resource="run_log", position="1", state="settled")  # type: ignore[arg-type]
        writer.append("log", RunKey(1, "t", "r"), [entry(1, "{}")], leg="pass")
    assert load_spool(warehouse, spool)["log"] == Loaded(3, 3, inserted=2, quarantined=1)
    assert rows(warehouse, "SELECT project_id, reason LIKE 'this mark %' FROM ledger.quarantine") == [(None, True)]
    assert rows(warehouse, LOG_CURSOR) == [("2", "unproved")]


def test_a_load_that_was_killed_while_it_halved_a_segment_loads_every_line_once(
    warehouse: Warehouse, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SpoolWriter(spool) as writer:
        writer.append("live", RunKey(1, "t", "r"), [event(f"{n}-0", "{}") for n in range(1, 9)], leg="django")
        writer.append("live", NO_TASK, [event("9-0", "{}")], leg="django")
    (segment,) = spool.segments()
    content = segment.path.read_bytes()

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(load, "_refuse", crash)
        with pytest.raises(KeyboardInterrupt):
            load_spool(warehouse, spool)
    segment.path.write_bytes(content)  # the kill came before the whole segment was deleted
    load_spool(warehouse, spool)
    assert rows(warehouse, "SELECT count(*), count(DISTINCT stream_id) FROM raw.run_events") == [(8, 8)]
    assert rows(warehouse, "SELECT count(DISTINCT payload) FROM ledger.quarantine") == [(1,)]
    assert spool.segments() == []


def test_what_no_line_causes_ends_the_load_and_keeps_the_segments(
    warehouse: Warehouse, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spooled(spool, "live", *[event(f"{n}-0", "{}") for n in range(1, 9)])

    def full(*_: object) -> None:
        raise duckdb.IOException("no space left on device")

    def broken(*_: object) -> None:
        raise duckdb.InternalException("broken whatever the line")

    monkeypatch.setattr(load, "MOST_REFUSED", 2)
    with monkeypatch.context() as patch:
        patch.setattr(load_batch, "_move_cursors", full)
        with pytest.raises(duckdb.IOException):
            load_spool(warehouse, spool)
        assert len(spool.segments()) == 1
        patch.setattr(load_batch, "_move_cursors", broken)
        with pytest.raises(duckdb.InternalException):
            load_spool(warehouse, spool)
    assert rows(warehouse, "SELECT count(*) FROM ledger.quarantine") == [(2,)]
    assert load_spool(warehouse, spool)["live"].inserted == 6


@pytest.mark.parametrize("layer", ["live", "log"])
def test_an_event_that_is_not_utf_8_keeps_its_bytes_beside_its_text_once(
    warehouse: Warehouse, spool: Spool, layer: str
) -> None:
    exact = b'{"type":"x","text":"a\xff\xfeb"}'
    one = event("7-0", exact) if layer == "live" else Entry(None, 3, exact, redacted=False)
    after = event("8-0", "{}") if layer == "live" else entry(4, "{}")
    key = "r@7-0" if layer == "live" else "r@3"
    for again in range(2):
        with SpoolWriter(spool) as writer:
            writer.append(layer, RunKey(1, "t", "r"), [one, after], leg="django")
        loaded = load_spool(warehouse, spool)[layer]
        assert (loaded.lines, loaded.inserted, loaded.quarantined) == (3, 0 if again else 2, 0 if again else 1)
    table = "run_events" if layer == "live" else "run_log_entries"
    assert sorted(rows(warehouse, f"SELECT payload, json_ok FROM raw.{table}")) == [
        ('{"type":"x","text":"a\ufffd\ufffdb"}', True),
        ("{}", True),
    ]
    noted = "SELECT record_key, payload, outcome, replayed_at = first_seen_at FROM ledger.quarantine"
    ((held, payload, *settled),) = rows(warehouse, noted)
    assert (held, bytes.fromhex(payload), settled) == (key, exact, ["kept", True])
    assert rows(warehouse, "SELECT kind FROM ledger.quarantine") == [("not_utf8",)]
    with warehouse.transaction("a version before") as connection:
        connection.execute("UPDATE ledger.quarantine SET outcome = NULL, replayed_at = NULL")
        connection.execute(sql.engine("warehouse/schema/event_bytes_kept"))
    assert rows(warehouse, noted) == [(key, payload, "kept", True)]
    assert rows(warehouse, "SELECT position FROM ledger.cursors WHERE resource LIKE 'run_%'") == [
        ("8-0" if layer == "live" else "5",)
    ]
