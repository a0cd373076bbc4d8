"""Payloads that no agent should send, drawn from a random generator: the same seed gives the same ones.

A payload has hostile values in the very places that the SQL texts read, and now and then is no JSON at all. Hypothesis
can be the generator (``st.randoms``), which then shrinks what breaks.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.hostile.words import Step, paths, words


@dataclass(frozen=True, slots=True)
class Raw:
    """A piece of text that stands in the document as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """An object that may have a key twice."""

    members: tuple[tuple[str, Any], ...]


_EDGES: Final = [
    sign * base + step
    for base in (0, 2**31, 2**32, 2**53, 2**63, 2**64, 2**127, 2**128, 10**15, 10**18, 10**400)
    for sign in (1, -1)
    for step in (-1, 0, 1)
]
NUMBERS: Final = (
    *map(str, _EDGES),
    *"1e308 1e309 -1e309 5e-324 1e-400 0.1e999 -0 -0.0 1.5 1e15 1e300 NaN Infinity -Infinity 007 1_000 0x1F".split(),
    "9" * 5000,
    "0." + "1" * 5000,
)
TIMES: Final = (
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "-0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999999Z",
    "1999-12-31T23:59:59.999999Z",
    "2000-01-01T00:00:00Z",
    "2000-01-01T00:00:00+23:59",
    "2026-12-31T23:59:60Z",
    "2026-06-30T24:00:00Z",
    "2026-02-30T10:00:00Z",
    "2026-09-14T10:00:00",
    "2026-09-14",
    "2026-09-14T10:00:00+23:59",
    "2026-09-14T10:00:00-23:59",
    "2026-09-14T10:00:00+24:00",
    "2026-09-14T10:00:00+99:99",
    "2026-09-14T10:00:00.123456789123456789Z",
    "2026-09-14 10:00:00 Europe/Berlin",
    "20260914T100000Z",
    "2026-W37-1",
    "2199-12-31T23:59:59.999999-23:59",
    "2200-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59.999999-23:59",
    "10000-01-01T00:00:00Z",
    "294247-01-10T04:00:54.775806Z",
    "294247-01-10T04:00:54.775807Z",
    "294248-01-01T00:00:00Z",
    "290309-12-22 (BC) 00:00:00+00",
    "infinity",
    "-infinity",
    "epoch",
    "now",
    "today",
)
IMITATIONS: Final = (
    "[text 9223372036854775807 0123456789abcdef]",
    "[text 1 0123456789abcdef]",
    "[redacted]",
    "[hidden]",
    "log-3",
    "log--1",
    "log-9223372036854775807",
    "log-99999999999999999999",
    "stream-end",
    "keepalive",
    "rotated",
    "STREAM_STATUS",
    '{"c":"00000000","k":"mark","n":0,"d":"{}"}',
    "https://s3.example.com/x?X-Amz-Signature=abc&X-Amz-Expires=1",
    "https://github.com/a/b/pull/9223372036854775808",
    "https://github.com/a/b/pull/99999999999999999999999999",
    "'; DROP TABLE raw.run_events; --",
    "$.type",
    "{0}",
    "%s",
)
TEXTS: Final = ("", " ", "\0", "a\0b", "\ud83d", "\udc00x", "\ud83d\ude00", "\u2028\u0085\ufeff", "\u202e", "true", "x")
KEYS: Final = ("", "\0", "$", "a.b", "[0]", "type", "\ud83d", "'", '"', "k" * 20_000)
TAILS: Final = ("", " ", "\n", "}", ",", "\0", "\ufeff", "/*")

Draw = random.Random
Value = Callable[[Draw], Any]


def event_id(rng: Draw) -> str:
    """A number as an agent gives it, in any form."""
    boot = rng.choice(["x", "x", "a-b", "", "k9d2x", "\0", "\n", "1", "\u0663"])
    number = rng.choice([rng.choice(NUMBERS), str(rng.randrange(20)), str(rng.randrange(20)), "", "\u0663"])
    return boot + rng.choice(["-", "-", "-", "--", ""]) + number


def text(rng: Draw) -> str:
    """A text of any kind."""
    texts = [rng.choice(texts) for texts in (TEXTS, TIMES, NUMBERS, IMITATIONS, words(), words())]
    return rng.choice([*texts, event_id(rng), texts[0] + texts[1]])


def number(rng: Draw) -> Raw:
    """A number, or what some writers take for one."""
    return Raw(rng.choice(NUMBERS))


def small(rng: Draw) -> Any:
    """A value of any type, in the wrong place or the right one."""
    return rng.choice([text, text, text, number, number, lambda _: None, lambda _: rng.choice([True, False]), nested])(
        rng
    )


def nested(rng: Draw) -> Any:
    """An array or an object of a few hostile values."""
    several = [small(rng) for _ in range(rng.randrange(3))]
    keys = [rng.choice([*KEYS, *words()]) for _ in several]
    return rng.choice([several, Pairs(tuple(zip(keys, several, strict=True)))])


def deep(rng: Draw) -> Raw:
    """Nesting that some reader does not follow."""
    depth = rng.choice([100, 500, 990, 1100, 5000, 100_000])
    before, after = rng.choice([("[", "]"), ('{"a":', "}"), ('[{"text":', "}]")])
    return Raw(before * depth + rng.choice(["1", '"x"', "null"]) + after * rng.choice([depth, depth, depth - 1]))


def large(rng: Draw) -> Any:
    """A value of some 100 KB."""
    makers: list[Callable[[], Any]] = [
        lambda: rng.choice(["x", "\0", "\ud83d", "\u00e4", "\U0001f994"]) * 50_000,
        lambda: [None] * 30_000,
        lambda: Pairs(tuple((f"k{n}", n) for n in range(10_000))),
        lambda: Pairs(tuple(("k", n) for n in range(10_000))),
        lambda: Raw("9" * 100_000),
    ]
    return rng.choice(makers)()


def value(rng: Draw) -> Any:
    """Any value; seldom a large one."""
    return rng.choices([small, deep, large], [100, 3, 1])[0](rng)


PLAUSIBLE: Final[dict[str, Value]] = {
    "timestamp": lambda rng: rng.choice(TIMES),
    "updated_at": lambda rng: rng.choice(TIMES),
    "event_id": event_id,
    "first_event_id": event_id,
    "type": lambda rng: rng.choice(words()),
    "method": lambda rng: rng.choice(words()),
    "sessionUpdate": lambda rng: rng.choice(words()),
    "toolCallId": lambda rng: rng.choice(["t", "u", "t\0"]),
    "id": lambda rng: rng.choice(["t", "u"]),
    "text": text,
}
"""What has at least the right type, so that a payload gets further into the views."""


def payload(rng: Draw) -> str:
    """One payload."""
    tree: Any = {}
    chosen = rng.sample(paths(), rng.randrange(1, 9))
    if rng.random() < 0.8:
        chosen += [("type",), ("event_id",), ("notification", "method"), ("timestamp",)]
        tree["type"] = rng.choice(["notification", "notification", "pi_event", rng.choice(words())])
    if rng.random() < 0.5:
        chosen += [UPDATE, (*UPDATE[:-1], "content", "text"), ("first_event_id",)]
    for path in chosen:
        known = PLAUSIBLE.get(str(path[-1]) if path else "")
        made = known(rng) if known and rng.random() < 0.7 else value(rng)
        tree = put(tree, path, made, rng)
    shown = write(tree, rng)
    if rng.random() < 0.05:
        shown = shown[: rng.randrange(len(shown) + 1)]
    return shown + (rng.choice(TAILS) if rng.random() < 0.05 else "")


UPDATE: Final[tuple[Step, ...]] = ("notification", "params", "update", "sessionUpdate")


def put(tree: Any, path: Sequence[Step], made: Any, rng: Draw) -> Any:
    """The tree with a value at a path; what stands in the way gives way, or now and then stays."""
    if not path:
        return made if not tree or rng.random() < 0.1 else tree
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        inside = tree if isinstance(tree, dict) else {}
        return {**inside, step: put(inside.get(step), rest, made, rng) if rest else made}
    place = rng.randrange(3) if step is None else step
    items = list(tree) if isinstance(tree, list) else []
    items += [rng.choice([None, 1, "x"]) for _ in range(place + 1 - len(items))]
    items[place] = put(items[place], rest, made, rng) if rest else made
    return items


def write(tree: Any, rng: Draw) -> str:
    """The JSON text, in any of the notations that writers have."""
    if isinstance(tree, Raw):
        return tree.text
    if isinstance(tree, Pairs | dict):
        members = list(tree.members if isinstance(tree, Pairs) else tree.items())
        if members and rng.random() < 0.05:
            members.append((members[0][0], rng.choice([members[0][1], None, 7, "again"])))
        gap = rng.choice(["", "", " ", "\t\r\n"]) if len(members) < 100 else ""
        return "{" + ",".join(f"{gap}{json.dumps(key)}:{gap}{write(inner, rng)}" for key, inner in members) + "}"
    if isinstance(tree, list):
        return "[" + ",".join(write(inner, rng) for inner in tree) + "]"
    return json.dumps(tree, ensure_ascii=not isinstance(tree, str) or _surrogate(tree) or rng.random() < 0.5)


def _surrogate(plain: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in plain)
