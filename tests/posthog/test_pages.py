"""Bodies as lists of objects: what is one, what is none, and what has no list at all."""

import pytest

from taskhouse.errors import Contract
from taskhouse.posthog.client import Answer
from taskhouse.posthog.pages import Bad, Row, digest, read_page


def answer(body: bytes) -> Answer:
    return Answer("the list of tasks", {}, body)


def test_a_page_is_read_with_the_exact_text_of_each() -> None:
    body = b'{"results": [{"id": "a" }, 7, {"id":"b"}], "count": 3, "next": null}'
    found = read_page(answer(body))
    assert found.rows == [Row({"id": "a"}, b'{"id": "a" }'), Row({"id": "b"}, b'{"id":"b"}')]
    assert (found.bad, found.body_sha256) == ([Bad(b"7", "not an object")], digest(body))


@pytest.mark.parametrize(
    ("identity", "key"), [('"a"', "a"), ("7", None), ('""', None), ('{"a":' * 2000 + "1" + "}" * 2000, None)]
)
def test_a_record_that_is_nested_too_deeply_keeps_its_text_and_its_id(identity: str, key: str | None) -> None:
    deep = f'{{"title": {"[" * 5000}{"]" * 5000}, "id": {identity}}}'
    array = "[" * 5000 + "]" * 5000
    found = read_page(answer(f'{{"results": [{deep}, {array}, {{"id": "b"}}], "count": 3, "next": null}}'.encode()))
    assert [row.data for row in found.rows] == [{"id": "b"}]
    assert found.bad == [Bad(deep.encode(), "nested too deeply", key), Bad(array.encode(), "not an object")]


@pytest.mark.parametrize("body", [b'{"results": null}', b"{}"])
def test_a_body_without_that_list_breaks_the_contract(body: bytes) -> None:
    with pytest.raises(Contract, match="the body has no array 'results'"):
        read_page(answer(body))
