"""Answers that no server should give: what cannot be read is kept as evidence, and the rest goes on."""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from datetime import timedelta
from typing import Any
from urllib.request import Request, urlopen

import pytest

from taskhouse.capture import logs
from taskhouse.errors import Contract
from taskhouse.posthog import jsonslices, retry
from taskhouse.posthog.fields import BadRecord
from taskhouse.posthog.pages import Page, Row
from taskhouse.posthog.paging import PageWalk
from taskhouse.resources.readiness import record
from tests.hostile.payloads import payload, value, write

pytestmark = pytest.mark.usefixtures("attached")

POISON: tuple[object, ...] = ("not a uuid", "x' OR 1=1 --", "", "{", "\ud83d", 7, None, ["a"], {"a": 1})


def test_ids_that_are_none_poison_no_later_pass(make_house: Any) -> None:
    house = make_house(emulator_tasks=30)
    house.sync("tasks")
    bad = {"kind": "mistyped_field", "endpoint": "tasks.list", "times": 1}
    house.emulator.faults(*[{**bad, "field": f"results.{n}.id", "value": bad_id} for n, bad_id in enumerate(POISON)])
    assert house.sync("tasks").verdict == "incomplete"
    assert house.rows("SELECT count(*) FROM ledger.quarantine WHERE resource = 'tasks'") == [(len(POISON),)]
    house.emulator.faults()
    report = house.sync("tasks")
    assert (report.verdict, house.present()) == ("complete", house.truth_tasks()), report.reason


SHOWN = {
    "tasks": ("tasks.list", "?limit=1"),
    "repositories": ("tasks.repositories", "repositories/"),
    "readiness": ("tasks.readiness", "repository_readiness/?repository={repository}&window_days=7"),
    "runs": ("runs.list", "{task}/runs/?limit=1"),
    "task_usage": ("tasks.usage", "{task}/usage/"),
}
"""By resource: the endpoint whose answers are made hostile, and an answer of it that shows its fields."""

ROWS = 40
ROUNDS = {"repositories": 6}  # of one hostile value each; two of 40 for all others
FRAME = {"count", "next", "previous", "repositories", "results"}


def fields(answer: Any, path: str = "") -> Iterator[str]:
    """The dotted path of every value in an answer, below the first element of each array."""
    parts = answer if isinstance(answer, dict) else dict(enumerate(answer[:1])) if isinstance(answer, list) else {}
    for name, inner in parts.items():
        yield f"{path}{name}"
        yield from fields(inner, f"{path}{name}.")


def shown(house: Any, resource: str) -> list[str]:
    """The fields of an answer of this resource, without what frames a page."""
    truth = house.emulator.truth(runs=False)
    path = SHOWN[resource][1].format(task=truth["tasks"][0]["id"], repository=truth["repositories"][0])
    signed = {"Authorization": f"Bearer {house.settings.key()}"}
    with urlopen(Request(f"{house.settings.host}/api/projects/1/tasks/{path}", headers=signed)) as answer:  # noqa: S310
        found = sorted(set(fields(json.load(answer))))
    return [field for field in found if field not in FRAME and field != "results.0"]


def legible(rng: random.Random) -> str:
    """A hostile value that leaves the rest of its body legible."""
    while True:
        text = write(value(rng), rng)
        with suppress(ValueError):
            jsonslices.array(f'[{{"x":{text}}}]'.encode("utf-8", "surrogatepass"))
            return text


def hostile(house: Any, resource: str, some: Sequence[str], rng: random.Random) -> None:
    """Put a hostile value into another field of each row, or of each answer where it is one row."""
    endpoint = SHOWN[resource][0]
    chosen = [rng.choice(some) for _ in range(ROWS)]
    texts = [legible(rng) for _ in chosen]
    if resource == "tasks":
        rows = {
            field.replace(".0.", f".{n}.", 1): text for n, (field, text) in enumerate(zip(chosen, texts, strict=True))
        }
        house.emulator.faults({"kind": "raw_field", "endpoint": endpoint, "times": 1, "fields": rows})
        return
    faults = [{"fields": {field: text}, "after": n} for n, (field, text) in enumerate(zip(chosen, texts, strict=True))]
    house.emulator.faults(*[{"kind": "raw_field", "endpoint": endpoint, "times": 1, **fault} for fault in faults])


@pytest.mark.parametrize("resource", SHOWN)
def test_no_value_in_a_field_of_a_record_ends_a_pass_or_lasts(make_house: Any, resource: str) -> None:
    house, verdicts = (
        make_house(emulator_tasks=ROWS, emulator_repositories=12, emulator_throttle=False, task_usage=True),
        [],
    )
    with retry.instant():
        for needed in {"readiness": ("tasks", "repositories"), "repositories": ("tasks",)}.get(resource, ("tasks",)):
            house.sync(needed)
        some = shown(house, resource)
        for round_ in range(ROUNDS.get(resource, 2)):
            hostile(house, resource, some, random.Random(f"{resource} {round_}"))
            house.later += timedelta(days=2)
            verdicts.append(house.sync(resource).verdict)
        assert "incomplete" in verdicts
        house.emulator.faults()
        house.later += timedelta(days=2)
        report = house.sync(resource)
        assert report.verdict == "complete", report.reason
    if resource == "tasks":
        assert house.present() == house.truth_tasks()


def nested(depth: int, inside: str) -> str:
    """Text of an object in objects."""
    return '{"latest_run":' * depth + inside + "}" * depth


TASK_FIELDS: dict[str, tuple[str, str]] = {
    "id": ("9" * 5000, "/id"),
    "title": (f"[{'[' * 3000}{']' * 3000}]", ""),
    "latest_run": (nested(700, "{}"), "/latest_run/id"),
    "created_at": ('"9999-12-31T23:59:59-23:59"', "/created_at"),
    "updated_at": ('"0001-01-01T00:00:00+23:59"', "/updated_at"),
    "internal": ("1e400", "/internal"),
    "description": (nested(970, '{"state": {"secret": "hush"}}'), ""),
    "repository": ("NaN", "/repository"),
}
"""By field of a task: a text for it that no pass may stumble over, and where quarantine says that it is wrong."""


def test_one_hostile_record_after_the_other_is_set_aside_and_the_rest_of_its_page_is_kept(make_house: Any) -> None:
    house = make_house(emulator_tasks=60)
    texts = {f"results.{n}.{field}": text for n, (field, (text, _)) in enumerate(TASK_FIELDS.items())}
    house.emulator.faults({"kind": "raw_field", "endpoint": "tasks.list", "times": 1, "fields": texts})
    report = house.sync("tasks")
    assert (report.verdict, report.quarantined) == ("incomplete", len(TASK_FIELDS))
    assert len(house.present()) >= len(house.truth_tasks()) - len(TASK_FIELDS)
    found = house.rows("SELECT coalesce(pointer, ''), payload FROM ledger.quarantine")
    assert {pointer for pointer, _ in found} == {pointer for _, pointer in TASK_FIELDS.values()}
    assert not [payload for _, payload in found if "hush" in payload]
    house.emulator.faults()
    assert (house.sync("tasks").verdict, house.present()) == ("complete", house.truth_tasks())


def test_an_activity_that_is_still_to_come_does_not_blind_discovery(make_house: Any) -> None:
    house = make_house(emulator_tasks=320)
    far = {
        "kind": "raw_field",
        "endpoint": "tasks.list",
        "fields": {"results.*.last_activity_at": '"2199-01-01T00:00:00Z"'},
    }
    house.emulator.faults(far)
    house.sync("tasks")
    house.emulator.faults()
    (mark,) = house.rows("SELECT CAST(position AS TIMESTAMPTZ) FROM ledger.cursors WHERE key = 'activity'")
    assert mark[0] <= house.now()


@pytest.mark.parametrize("text", [str(2**31), str(-(2**31) - 1), str(2**63), str(10**400), "1e3", "NaN", "true", '"7"'])
@pytest.mark.parametrize("field", ["windowDays", "evidenceTaskCount", "scan.filesScanned"])
def test_no_number_is_larger_than_its_column(text: str, field: str) -> None:
    answer: dict[str, Any] = {
        "repository": "a/b",
        "classification": None,
        "excluded": False,
        **{name: {"state": "ready"} for name in ("coreSuggestions", "replayInsights", "errorInsights")},
        "overall": "ready",
        "evidenceTaskCount": 1,
        "windowDays": 7,
        "generatedAt": "2026-09-01T00:00:00Z",
        "scan": {"filesScanned": 1, "detectedFilesCount": 1, "eventNameCount": 1},
    }
    *above, name = field.split(".")
    (answer[above[0]] if above else answer)[name] = json.loads(text)
    limit = 2**31 if field == "windowDays" else 2**63
    fits = text.removeprefix("-").isdigit() and -limit <= int(text) < limit
    with nullcontext() if fits else pytest.raises(BadRecord):
        assert record.read(Row(answer, b"{}"))["repository"] == "a/b"


@pytest.mark.parametrize("count", [str(10**400), "1e3"])
def test_a_count_that_is_none_ends_its_pass_and_nothing_later(make_house: Any, count: str) -> None:
    house = make_house(emulator_tasks=10)
    house.emulator.faults({"kind": "raw_field", "endpoint": "tasks.list", "fields": {"count": count}})
    with retry.instant(), pytest.raises(Contract, match="no number of rows"):
        house.sync("tasks")
    house.emulator.faults()
    assert house.sync("tasks").verdict == "complete"


@pytest.mark.parametrize("following", ["http://[", "x?offset=" + "9" * 5000, "//", "\0", "?" + "&" * 9999])
def test_a_next_that_makes_no_sense_is_noted(following: str) -> None:
    walk = PageWalk()
    walk.feed(Page([Row({"id": str(n)}, b"{}") for n in range(100)], 200, following, "a", []))
    assert "'next' does not move on" in walk.result().notes


def test_a_name_that_no_database_stores_is_no_repository(make_house: Any) -> None:
    house = make_house(emulator_tasks=10)
    house.sync("tasks")
    texts = {"repositories.0": '"\\ud83d"', "repositories.1": '"a/\\u0000"', "repositories.2": f'"{"x" * 600}"'}
    house.emulator.faults({"kind": "raw_field", "endpoint": "tasks.repositories", "fields": texts})
    report = house.sync("repositories")
    assert (report.verdict, report.quarantined) == ("incomplete", 3)
    house.emulator.faults()
    assert house.sync("repositories").verdict == "complete"


def test_a_viewer_of_any_name_is_a_viewer(make_house: Any) -> None:
    house = make_house(emulator_tasks=10)
    house.emulator.faults({"kind": "raw_field", "endpoint": "users.me", "fields": {"uuid": '"\\ud83d\\u0000"'}})
    assert [house.sync("tasks").verdict for _ in range(2)] == ["complete", "complete"]


def test_a_page_that_cannot_be_read_leaves_the_pages_after_it(make_house: Any) -> None:
    house = make_house(emulator_tasks=420)
    broken = {"kind": "raw_field", "endpoint": "tasks.list", "after": 1, "times": 1, "fields": {"count": "1e3"}}
    house.emulator.faults(broken)
    report = house.sync("tasks")
    assert (report.verdict, "the page at offset 98 could not be read" in report.reason) == ("incomplete", True)
    assert len(house.truth_tasks()) - 100 <= len(house.present()) < len(house.truth_tasks())
    assert house.rows("SELECT count(*) FROM raw.task_sightings WHERE absent_since IS NOT NULL") == [(0,)]
    assert house.sync("tasks").verdict == "complete"
    assert house.present() == house.truth_tasks()


def test_a_run_that_cannot_be_handled_is_a_doubt_and_the_others_are_captured(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house(emulator_tasks=12, log_final_s=0)
    house.sync("tasks")
    bad = house.rows("SELECT run_id FROM raw.run_versions ORDER BY run_id LIMIT 1")[0][0]
    drain = logs.drain

    async def breaks(the_pass: Any, api: Any, writer: Any, run: Any, **rest: Any) -> int:
        if run.run_id == bad:
            raise ZeroDivisionError
        return await drain(the_pass, api, writer, run, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(logs, "drain", breaks)
        report = house.sync("run_events")
    assert (report.verdict, f"{bad} could not be processed: ZeroDivisionError" in report.reason) == ("incomplete", True)
    truth = house.truth_hashes()
    held = house.hashes()
    assert {run: log for run, (_, log) in held.items() if run != bad} == {
        run: truth[run][1] for run in held if run != bad
    }
    assert house.sync("run_events").verdict == "complete"


def test_hostile_payloads_come_through_the_stream_and_the_log_as_they_are(make_house: Any) -> None:
    rng = random.Random("over the wire")
    house = make_house(emulator_tasks=6, log_final_s=0)
    run = next(run for run in house.emulator.truth()["runs"] if run["live"]["count"] > 1)
    for _ in range(40):
        # a log is served as a list of values, so what is blank around one cannot be known
        text = payload(rng).replace("\r", " ").replace("\n", " ").strip(" \t")
        house.emulator.mutate("inject", run_id=run["id"], live=text, log=text)
    for resource in ("tasks", "runs", "run_events"):
        house.sync(resource)
    held, truth = house.hashes(), house.truth_hashes()
    assert held[run["id"]] == truth[run["id"]]
    assert house.rows("SELECT count(*) FROM main.messages") != [(0,)]
    report = house.sync("run_events")
    assert report.verdict == "complete", report.reason


def test_a_text_that_is_not_utf8_is_marked_and_leaves_its_exact_bytes_once(make_house: Any) -> None:
    house = make_house(emulator_tasks=6)
    raw = '"a\ud800b"'
    fields = {"results.*.title": raw, "results.*.latest_run.branch": raw, "results.0.created_at": raw}
    house.emulator.faults({"kind": "raw_field", "endpoint": "tasks.list", "fields": fields})
    for _ in range(2):
        assert house.sync("tasks").quarantined == 1
    where = "SELECT resource, pointer, payload, outcome, count(*) = count(DISTINCT record_key) FROM ledger.quarantine"
    exact = "a\ud800b".encode("utf-8", "surrogatepass").hex()
    assert house.rows(f"{where} WHERE outcome = 'kept' GROUP BY ALL ORDER BY 1") == [
        ("runs", "/branch", exact, "kept", True),
        ("tasks", "/title", exact, "kept", True),
    ]
    assert {title for (title,) in house.rows("SELECT title FROM main.tasks")} == {"a???b"}
    [(bad,)] = house.rows("SELECT payload FROM ledger.quarantine WHERE outcome IS NULL")
    assert json.loads(bad)["title"] == "a\udced\udca0\udc80b", "as a record that is kept has it"
