"""Slices are the body's own bytes, and their values what Python reads."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.posthog import jsonslices

SPACE = st.text(" \t\r\n", max_size=3)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
RAW = st.sampled_from(
    ['{"a":1,"a":2}', '"\\ud83d"', "1e400", "-Infinity", "NaN", "[ ]", "{ }", "1.50", '"\\u0000"', "-0"]
)
TEXTS = st.one_of(
    RAW,
    st.tuples(VALUES, st.booleans()).map(lambda pair: json.dumps(pair[0], ensure_ascii=pair[1])),
)


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@given(st.lists(st.tuples(SPACE, TEXTS, SPACE), max_size=6), SPACE)
def test_slices_of_an_array_are_its_elements_and_nothing_else(parts: list[tuple[str, str, str]], around: str) -> None:
    body = around + "[" + ",".join("".join(part) for part in parts) + "]" + around
    assert jsonslices.array(encoded(body)) == [encoded(text) for _, text, _ in parts]


@given(st.lists(TEXTS, max_size=5), SPACE, st.integers(0, 99))
def test_an_envelope_keeps_the_text_of_each_row(texts: list[str], space: str, count: int) -> None:
    body = f'{{{space}"count"{space}:{count},"next":null,{space}"results":[{space}{f",{space}".join(texts)}]}}{space}'
    found = jsonslices.envelope(encoded(body), "results")
    assert [row.text for row in found["results"]] == [encoded(text) for text in texts]
    assert [repr(row.value) for row in found["results"]] == [repr(json.loads(text)) for text in texts]
    assert (found["count"], found["next"]) == (count, None)


def test_bytes_that_are_no_utf8_are_kept() -> None:
    assert jsonslices.array(b'["\xff\xfe",  "\xc3\xa9" ]') == [b'"\xff\xfe"', b'"\xc3\xa9"']


def test_the_last_of_two_equal_keys_wins_and_a_byte_order_mark_is_passed_over() -> None:
    assert jsonslices.envelope(b'\xef\xbb\xbf{"results":[1],"results":[2]}', "results")["results"] == [(2, b"2", False)]


def test_an_integer_longer_than_python_converts_is_read() -> None:
    digits = b"1" * 5000
    assert jsonslices.array(b"[" + digits + b"]") == [digits]
    assert jsonslices.envelope(b'{"results":[' + digits + b"]}", "results")["results"][0].text == digits


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"[", b"[1", b"[1,", b"[1,]", b"[1]x", b"[1 2]", b"{}", b"nonsense", b"[" * 200_000, b'["', b"\0"],
)
def test_what_is_no_array_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        jsonslices.array(body)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,}', b"{1:2}", b"{}x", b'{"a" 1}']
)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        jsonslices.envelope(body, "results")


@given(VALUES)
def test_a_document_is_what_python_reads(value: Any) -> None:
    text = json.dumps(value)
    assert repr(jsonslices.document(f" {text} ")) == repr(json.loads(text))


@pytest.mark.parametrize("depth", [900, 1100, 100_000])
@pytest.mark.parametrize(
    ("opens", "inside", "closes"), [("[", "", "]"), ('{"a":', "1", "}"), ("[", '{"]}":"]\\""}', "]")]
)
def test_an_object_nested_too_deeply_keeps_nobody_from_reading_its_neighbours(
    depth: int, opens: str, inside: str, closes: str
) -> None:
    deep = f'{{"id":7,"x":{opens * depth}{inside}{closes * depth}}}'
    body = f'[1, {deep}, {{"b":2}}]'.encode()
    assert jsonslices.array(body) == [b"1", deep.encode(), b'{"b":2}']
    found = jsonslices.envelope(b'{"count":3,"results":' + body + b"}", "results")["results"]
    assert [slice_.text for slice_ in found] == [b"1", deep.encode(), b'{"b":2}']
    assert found[1].value is jsonslices.DEEP or depth == 900


@pytest.mark.parametrize("end", ["", "]" * 1990, "]" * 1990 + "}", '"' + "]" * 2000, '"x\\"' + "]" * 2000])
def test_what_is_nested_too_deeply_and_has_no_end_is_no_json(end: str) -> None:
    for wrong in ('[{"a":' + "[" * 2000 + end, "[" * 2000 + end):
        with pytest.raises(ValueError, match="nested too deeply"):
            jsonslices.array(wrong.encode())
        with pytest.raises(ValueError, match="nested too deeply"):
            jsonslices.document(wrong[1:])


def test_a_number_too_long_and_nesting_too_deep_are_read_together() -> None:
    body = b"[" + b"1" * 5000 + b',{"a":' + b"[" * 2000 + b"]" * 2000 + b"}]"
    assert jsonslices.envelope(b'{"results":' + body + b"}", "results")["results"][1].value is jsonslices.DEEP
