"""Bodies as lists of objects: what is one, what is none, and what has no list at all."""

import pytest

from taskhouse.errors import Contract
from taskhouse.posthog.client import Answer
from taskhouse.posthog.pages import Row, digest, read_rows


def answer(body: bytes) -> Answer:
    return Answer("the list of boards", {}, body)


def test_a_list_of_objects_without_a_count_is_read_with_the_exact_text_of_each() -> None:
    body = b'{"boards": [{"id": "a" }, 7, {"id":"b"}], "more": true}'
    found = read_rows(answer(body), "boards")
    assert found.rows == [Row({"id": "a"}, b'{"id": "a" }'), Row({"id": "b"}, b'{"id":"b"}')]
    assert (found.bad, found.body_sha256) == ([b"7"], digest(body))


@pytest.mark.parametrize("body", [b'{"boards": null}', b"{}"])
def test_a_body_without_that_list_breaks_the_contract(body: bytes) -> None:
    with pytest.raises(Contract, match="the body has no array 'boards'"):
        read_rows(answer(body), "boards")
