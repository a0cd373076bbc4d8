"""A number and its noun, as commands say them."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from taskhouse.pipelines.cli.watch import described
from taskhouse.plural import counted


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 backups are"), (1, "1 backup is"), (2, "2 backups are"), (1200, "1,200 backups are")]
)
def test_a_noun_is_of_its_number(count: int, said: str) -> None:
    assert counted(count, "backup is", "backups are") == said


def test_a_pass_of_one_row_and_one_request() -> None:
    one: Any = SimpleNamespace(verdict="complete", rows_seen=1, rows_added=1, requests=1, seconds=0.4)
    assert described(cast("Any", one)) == "complete, 1 seen, 1 row added, 1 request, 0.4 s"
