"""``run_timeline`` and ``messages``: two layers that both have holes, put together so that nothing is there twice."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

START = datetime(2026, 9, 14, 10, 0, tzinfo=UTC)
WORDS = ("I'll look ", "at the ", 'total "rounded" ', "naïve 🦔 ", "nul\x00l ", "\u2028", "twice.")


@dataclass
class Happening:
    """One event of the agent, or of the server, as it truly happened."""

    index: int
    number: int | None
    what: str
    body: dict[str, Any]
    words: str = ""
    live: bool = False
    log: bool = False

    @property
    def at(self) -> datetime:
        return START + timedelta(milliseconds=100 * self.index)


@dataclass
class Unit:
    """Chunks that the log coalesces, or a single event."""

    role: str | None
    events: list[Happening] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(event.words for event in self.events)


def session_update(kind: str, words: str) -> dict[str, Any]:
    update = {"sessionUpdate": kind, "content": {"type": "text", "text": words}}
    return {"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "s", "update": update}}


KINDS = {"agent": "agent_message_chunk", "thought": "agent_thought_chunk", "user": "user_message_chunk"}

scripts = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["agent", "thought"]), st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)),
        st.tuples(st.sampled_from(["user"]), st.lists(st.sampled_from(WORDS), min_size=1, max_size=1)),
        st.tuples(st.sampled_from(["note", "rpc", "state", "progress"]), st.just([""])),
    ),
    max_size=12,
)


def play(script: list[tuple[str, list[str]]], *, numbered: bool) -> list[Unit]:
    """What happens, in order; what the agent says without doing anything else in between is one unit."""
    units: list[Unit] = []
    index = number = 0
    speaking: dict[str, Unit] = {}
    for what, words in script:
        if what in KINDS:
            if what not in speaking:
                speaking = {what: Unit(what)}
                units.append(speaking[what])
            for word in words:
                number += 1
                speaking[what].events.append(Happening(index, number, what, session_update(KINDS[what], word), word))
                index += 1
            continue
        # A request is always followed by something that ends a message.
        for each in ("rpc", "note") if what == "rpc" else (what,):
            number += each == "note"
            units.append(Unit(None, [other(each, index, number if each == "note" else None)]))
            index += 1
            speaking = {} if each == "note" else speaking
    if not numbered:
        for unit in units:
            for event in unit.events:
                event.number = None
    return units


def other(what: str, index: int, number: int | None) -> Happening:
    """Something that is no message: a note of the agent, a response, a state of the run, a step of the setup."""
    if what == "rpc":
        return Happening(index, None, what, {"jsonrpc": "2.0", "id": index, "result": {"stopReason": "end"}}, "end")
    if what == "progress":
        body = {"method": "_posthog/progress", "params": {"step": index % 2, "label": "Cloning"}}
        return Happening(index, None, what, body, "Cloning")
    if what == "state":
        return Happening(index, None, what, {}, "in_progress")
    body = {"jsonrpc": "2.0", "method": "_posthog/console", "params": {"message": f"note {index % 3} é"}}
    return Happening(index, number, what, body, f"note {index % 3} é")


def live_text(event: Happening) -> str:
    if event.what == "state":
        return json.dumps({"type": "task_run_state", "status": "in_progress", "updated_at": event.at.isoformat()})
    envelope = {"type": "notification", "timestamp": event.at.isoformat(), "notification": event.body}
    if event.number is not None:
        envelope["event_id"] = f"1-{event.number}"
    return json.dumps(envelope)


def log_text(event: Happening, unit: Unit) -> str:
    body, more = event.body, {}
    if unit.role == "agent":
        body = session_update("agent_message", unit.text)
        if event.number is not None:
            more["first_event_id"] = f"1-{unit.events[0].number}"
            event = Happening(unit.events[0].index, unit.events[-1].number, event.what, body)
    if event.number is not None:
        more["event_id"] = f"1-{event.number}"
    at = event.at + timedelta(milliseconds=4)
    envelope = {"type": "notification", "timestamp": at.isoformat(), "notification": body, **more}
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))


def capture(tables: Any, units: list[Unit], live: Any, log: Any) -> None:
    """Keep in each layer what was captured there; ``live`` and ``log`` say so of an event and of a unit."""
    tables.connection.execute("DELETE FROM raw.run_events")
    tables.connection.execute("DELETE FROM raw.run_log_entries")
    events: list[tuple[Any, str]] = []
    entries: list[tuple[Any, str]] = []
    for unit in units:
        for event in unit.events:
            if event.what != "rpc" and live(event):
                event.live = True
                events.append((f"{int(event.at.timestamp() * 1000)}-0", live_text(event)))
        for event in unit.events[:1] if unit.role == "agent" else unit.events:
            if event.what not in {"state", "progress"} and log(event):
                for each in unit.events if unit.role == "agent" else [event]:
                    each.log = True
                entries.append((len(entries), log_text(event, unit)))
    tables.load("live", events)
    tables.load("log", entries)


Shown = tuple[int, str, str | None, str]


def timeline(units: list[Unit]) -> list[Shown]:
    """What must be shown: true index, layer, event id, text."""
    found: list[Shown] = []
    for unit in units:
        whole = unit.role == "agent" and unit.events[0].log and not all(event.live for event in unit.events)
        if whole:
            layer = "both" if any(event.live for event in unit.events) and unit.events[0].number else "log"
            number = unit.events[-1].number
            found.append((unit.events[0].index, layer, f"1-{number}" if number else None, unit.text))
            continue
        for event in unit.events:
            if event.live or event.log:
                layer = "both" if event.live and event.log else "live" if event.live else "log"
                found.append((event.index, layer, f"1-{event.number}" if event.number else None, event.words))
    return [(index, layer, number, words.replace("\0", "")) for index, layer, number, words in sorted(found)]


losses = st.frozensets(st.integers(0, 30), max_size=25)


@settings(max_examples=12)
@given(script=scripts, live=losses, log=losses)
@example([("agent", ["a", "b"]), ("note", [""]), ("agent", ["a", "b"])], frozenset(), frozenset())
def test_every_event_is_there_once_and_in_order(
    scratch: Any, script: list[tuple[str, list[str]]], live: frozenset[int], log: frozenset[int]
) -> None:
    units = play(script, numbered=True)
    capture(scratch, units, lambda event: event.index not in live, lambda event: event.index not in log)
    got = scratch.rows("SELECT layer, event_id, text FROM main.run_timeline ORDER BY ordinal")
    expected = timeline(units)
    assert [(row["layer"], row["event_id"], row["text"]) for row in got] == [row[1:] for row in expected]


@settings(max_examples=12)
@given(script=scripts, late=st.integers(0, 20))
@example([("agent", ["a", "b"]), ("note", [""]), ("agent", ["a", "b"]), ("note", [""])], 2)
@example([("agent", ["a"]), ("state", [""]), ("agent", ["a"])], 1)
def test_agents_without_numbers_are_matched_by_what_they_say(
    scratch: Any, script: list[tuple[str, list[str]]], late: int
) -> None:
    """The stream was joined late, between two units; the log has everything."""
    units = play(script, numbered=False)
    inside = [range(unit.events[0].index + 1, unit.events[-1].index + 1) for unit in units]
    begins = next(at for at in range(late, 10**6) if not any(at in each for each in inside))
    capture(scratch, units, lambda event: event.index >= begins, lambda _event: True)
    got = scratch.rows("SELECT layer, event_id, text FROM main.run_timeline")
    assert Counter((row["layer"], row["event_id"], row["text"]) for row in got) == Counter(
        row[1:] for row in timeline(units)
    )


def messages(units: list[Unit]) -> list[tuple[Any, ...]]:
    return [
        (unit.role, unit.text.replace("\0", ""), f"1-{unit.events[0].number}", f"1-{unit.events[-1].number}")
        for unit in units
        if unit.role
    ]


def got_messages(tables: Any) -> list[tuple[Any, ...]]:
    return [
        (row["role"], row["text"], row["first_event_id"], row["last_event_id"])
        for row in tables.rows("SELECT * FROM main.messages ORDER BY number")
    ]


@settings(max_examples=12)
@given(script=scripts, live=losses)
def test_messages_are_those_of_the_log_whatever_the_stream_lost(
    scratch: Any, script: list[tuple[str, list[str]]], live: frozenset[int]
) -> None:
    units = play(script, numbered=True)
    capture(scratch, units, lambda event: event.index not in live, lambda _event: True)
    assert got_messages(scratch) == messages(units)


@settings(max_examples=12)
@given(script=scripts, numbered=st.booleans())
def test_messages_of_a_whole_stream_need_no_log(
    scratch: Any, script: list[tuple[str, list[str]]], *, numbered: bool
) -> None:
    units = play(script, numbered=numbered)
    capture(scratch, units, lambda _event: True, lambda _event: False)
    assert [row[:2] for row in got_messages(scratch)] == [row[:2] for row in messages(units)]


@settings(max_examples=12)
@given(script=scripts, live=losses)
def test_a_lost_chunk_ends_a_message_where_no_log_fills_it(
    scratch: Any, script: list[tuple[str, list[str]]], live: frozenset[int]
) -> None:
    units = play(script, numbered=True)
    capture(scratch, units, lambda event: event.index not in live, lambda _event: False)
    expected: list[list[Happening]] = []
    role, last = None, -1
    for unit in units:
        for event in unit.events:
            if event.live and unit.role:
                if (unit.role, event.number) != (role, last + 1):
                    expected.append([])
                expected[-1].append(event)
                role, last = unit.role, event.number or 0
            elif event.live and event.number:
                role = None
    assert [row[:2] for row in got_messages(scratch)] == [
        (part[0].what, "".join(event.words for event in part).replace("\0", "")) for part in expected
    ]


# What the emulator's runs give, checked against a computation that goes by the agent's own numbers.


def first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """As DuckDB reads an object: of two equal keys the first counts."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def read(payload: str) -> dict[str, Any]:
    value = json.loads(payload, object_pairs_hook=first_wins)
    return value if isinstance(value, dict) else {}


def numbers(event: dict[str, Any]) -> tuple[str, int, int] | None:
    """Boot, first and last number of an event."""
    if "event_id" not in event:
        return None
    boot, _, last = event["event_id"].rpartition("-")
    return boot, int(event.get("first_event_id", event["event_id"]).rpartition("-")[2]), int(last)


def update_of(event: dict[str, Any]) -> dict[str, Any]:
    found = event.get("notification", {}).get("params", {})
    return found.get("update", {}) if isinstance(found, dict) else {}


def test_every_message_of_the_log_is_there_with_its_words(kept: Any) -> None:
    wholes: Counter[tuple[str, ...]] = Counter()
    for row in kept.rows("SELECT run_id, payload FROM raw.run_log_entries WHERE session_update = 'agent_message'"):
        event = read(row["payload"])
        words = update_of(event)["content"]["text"].replace("\0", "").encode("utf-8", "replace").decode()
        wholes[row["run_id"], event["first_event_id"], event["event_id"], words] += 1
    got: Counter[tuple[str, ...]] = Counter(
        (row["run_id"], row["first_event_id"], row["last_event_id"], row["text"])
        for row in kept.rows("SELECT * FROM main.messages WHERE role = 'agent' AND last_event_id IS NOT NULL")
    )
    assert sum(wholes.values()) > 50
    assert wholes - got == Counter()
    layers = kept.rows("SELECT DISTINCT layer FROM main.messages WHERE role = 'agent'")
    assert {"both", "log"} <= {row["layer"] for row in layers}


def test_messages_together_are_every_chunk_once(kept: Any) -> None:
    """Characters of all messages of a run = those of its distinct events, whichever layer has them."""
    roles = {"agent_message": "agent", "agent_message_chunk": "agent", "agent_thought_chunk": "thought"}
    pi = {"assistant_message_chunk": "agent", "assistant_thought_chunk": "thought"}
    expected: dict[tuple[str, str], int] = defaultdict(int)
    seen: set[tuple[Any, ...]] = set()
    spans: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    rows = kept.rows("SELECT run_id, payload FROM raw.run_log_entries ORDER BY position")
    rows += kept.rows("SELECT run_id, payload FROM raw.run_events ORDER BY stream_ms, stream_seq")
    for row in rows:
        event = read(row["payload"])
        update, span = update_of(event), numbers(event)
        role = roles.get(str(update.get("sessionUpdate")))
        words = str(update.get("content", {}).get("text")) if role else ""
        if event.get("type") == "pi_event":
            role = pi.get(event["event"]["type"])
            words = str(event["event"].get("content", {}).get("text")) if role else ""
            span = ("pi", int(event["id"][3:]), int(event["id"][3:]))
        if role is None or span is None:
            continue
        if any(span[0] == boot and first <= span[1] <= last for boot, first, last in spans[row["run_id"]]):
            continue
        spans[row["run_id"]].append(span)
        assert (row["run_id"], span) not in seen
        seen.add((row["run_id"], span))
        expected[row["run_id"], role] += len(words.replace("\0", ""))
    got = {
        (row["run_id"], row["role"]): row["characters"]
        for row in kept.rows(
            "SELECT run_id, role, sum(characters)::BIGINT AS characters FROM main.messages"
            " WHERE role <> 'user' GROUP BY ALL"
        )
    }
    assert len(got) > 30
    assert got == dict(expected)


def test_the_timeline_holds_every_number_once_and_in_the_agents_order(kept: Any) -> None:
    shown: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for row in kept.rows("SELECT * FROM main.run_timeline WHERE event_id IS NOT NULL ORDER BY run_id, ordinal"):
        boot, _, last = row["event_id"].rpartition("-")
        first = int((row["first_event_id"] or row["event_id"]).rpartition("-")[2])
        shown[row["run_id"]].append((boot, first, int(last)))
    held: dict[str, set[tuple[str, int]]] = defaultdict(set)
    began: dict[tuple[str, str], str] = {}
    for row in kept.rows(
        "SELECT run_id, payload FROM raw.run_events UNION ALL SELECT run_id, payload FROM raw.run_log_entries"
    ):
        event = read(row["payload"])
        if span := numbers(event):
            held[row["run_id"]].update((span[0], number) for number in range(span[1], span[2] + 1))
            boot = row["run_id"], span[0]
            began[boot] = min(began.get(boot, event["timestamp"]), event["timestamp"])
    assert len(shown) > 20
    for run_id, spans in shown.items():
        covered = [(boot, number) for boot, first, last in spans for number in range(first, last + 1)]
        assert Counter(covered) == Counter(held[run_id])
        assert covered == sorted(covered, key=lambda each: (began[run_id, each[0]], each[1]))


def test_both_layers_keep_their_own_order(kept: Any) -> None:
    shown = kept.rows("SELECT run_id, payload, ordinal FROM main.run_timeline")
    place = {(row["run_id"], row["payload"]): row["ordinal"] for row in shown}
    for order in (
        "SELECT run_id, payload FROM raw.run_events ORDER BY run_id, stream_ms NULLS LAST, stream_seq",
        "SELECT run_id, payload FROM raw.run_log_entries ORDER BY run_id, position",
    ):
        last: dict[str, int] = {}
        known = 0
        for row in kept.rows(order):
            ordinal = place.get((row["run_id"], row["payload"]))
            if ordinal is not None:
                known += 1
                assert ordinal > last.get(row["run_id"], 0)
                last[row["run_id"]] = ordinal
        assert known > 500


def test_lengths_are_known_where_no_text_is_kept(scratch: Any) -> None:
    units = play([("agent", ["abc", "de"]), ("note", [""]), ("thought", ["f"])], numbered=True)
    for unit in units:
        for event in unit.events:
            if unit.role:
                event.body = session_update(KINDS[unit.role], f"[text {len(event.words)} 0123456789abcdef]")
    capture(scratch, units, lambda _event: True, lambda _event: False)
    scratch.connection.execute("UPDATE raw.run_events SET redacted = true")
    assert scratch.rows("SELECT role, characters FROM main.messages ORDER BY number") == [
        {"role": "agent", "characters": 5},
        {"role": "thought", "characters": 1},
    ]


def test_ordinals_count_from_one_without_a_hole(kept: Any) -> None:
    holes = kept.rows(
        "SELECT run_id FROM main.run_timeline GROUP BY run_id"
        " HAVING min(ordinal) <> 1 OR max(ordinal) <> count(*) OR count(DISTINCT ordinal) <> count(*)"
    )
    assert holes == []
