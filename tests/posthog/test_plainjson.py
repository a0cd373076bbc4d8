"""What is read and written with orjson is what the standard library reads and writes, to the byte."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.posthog import jsonslices, plainjson

TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    TEXT,
    st.sampled_from(["\x7f", "é\x7f😀", "},{"]),
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=12)
ROWS = st.lists(st.dictionaries(TEXT, VALUES, max_size=4), max_size=5)


@given(VALUES)
def test_what_is_written_is_what_the_standard_library_writes(value: Any) -> None:
    separators = (",", ":")
    assert plainjson.dumps(value) == json.dumps(value, separators=separators).encode()
    written = json.dumps(value, separators=separators, sort_keys=True).encode()
    assert plainjson.dumps(value, sort_keys=True) == written


@pytest.mark.parametrize(
    "value", [1e16, 1e-5, float("nan"), [float("inf")], {"a": [{"b": 1.0}]}, 2**64, "\ud83d", "\x7f"]
)
def test_the_values_in_which_they_differ(value: Any) -> None:
    assert plainjson.dumps(value) == json.dumps(value, separators=(",", ":")).encode()


@given(ROWS, st.booleans(), st.sampled_from([(",", ":"), (", ", ": "), (" ,", ":")]))
def test_a_page_is_read_as_the_standard_library_reads_it(rows: list[Any], ascii_only: bool, signs: Any) -> None:  # noqa: FBT001
    texts = [
        json.dumps(row, ensure_ascii=ascii_only, separators=signs).encode("utf-8", "surrogatepass") for row in rows
    ]
    body = b'{"count":3,"next":null,"results":[' + signs[0].encode().join(texts) + b"]}"
    found = jsonslices.envelope(body, "results")
    assert [part.text for part in found["results"]] == texts
    read = [json.loads(jsonslices.decode(text)) for text in texts]
    assert [repr(part.value) for part in found["results"]] == [repr(row) for row in read]
    assert (found["count"], found["next"]) == (3, None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"results":[ {"a":1}]}',
        b'{"results":[{"a":1} ]}',
        b'{"results":[{"a":1},{"b":18446744073709551616}]}',
        b'{"results":[{"a":1.5}]}',
        b'{"results":[{"a":1},[2]]}',
        b'{"results":[{"a":1},]}',
        b'{"results":[{"a":1}],"results":[{"b":2}]}',
        b'{"x":{"results":[{"b":2}]}}',
        b'{"x":{"results":[{"b":2}]},"results":[]}',
        b'{"x":1.5,"results":[]}',
        b'{"results":[{"a":' + b"[" * 990 + b"]" * 990 + b"}]}",
        b'{"results":[{"a":NaN}]}',
        b'{"results":[{"a":"\xff"}]}',
        b'\xef\xbb\xbf{"results":[]}',
        b"",
    ],
)
def test_any_other_form_is_left_to_the_standard_library(body: bytes) -> None:
    assert plainjson.objects(body, "results") is None


def test_a_page_of_ordinary_rows_is_not() -> None:
    rows = [b'{"id":%d,"list":[{"a":1},{"b":2}],"text":"},{\xc3\xa9"}' % number for number in range(100)]
    body = b'{"count":100,"next":"http://a","previous":null,"results":[' + b",".join(rows) + b"]}"
    found = plainjson.objects(body, "results")
    assert found is not None
    assert found[0] == {"count": 100, "next": "http://a", "previous": None}
    assert [text for _, text in found[1]] == rows
    assert plainjson.objects(b'{"results":[]}', "results") == ({}, [])


def test_many_objects_inside_a_row_are_not_tried_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    row = b'{"a":[' + b",".join([b'{"b":"%s"}' % (b"x" * 10_000)] * 100) + b"]}"
    body = b'{"results":[' + row + b"]}"
    tried: list[int] = []
    loads = orjson.loads

    def counted(text: bytes) -> Any:
        tried.append(len(text))
        return loads(text)

    monkeypatch.setattr(orjson, "loads", counted)
    assert plainjson.objects(body, "results") is None
    assert sum(tried) < 10 * len(body)
    assert jsonslices.envelope(body, "results")["results"][0].text == row
