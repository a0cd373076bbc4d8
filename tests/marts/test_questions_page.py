"""``docs/questions.md`` shows what its statements give over the packed history."""

import re
from collections.abc import Iterator

import duckdb
import pytest

from taskhouse.warehouse import views
from tests.marts import model, questions
from tests.marts.history import Demo

PAGE = questions.PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def history() -> Iterator[duckdb.DuckDBPyConnection]:
    with questions.history() as connection:
        yield connection


def test_the_page_is_what_its_statements_give(history: duckdb.DuckDBPyConnection) -> None:
    assert questions.written(history, PAGE) == PAGE, "run `python -m tests.marts.questions`"


def test_every_question_has_one_statement_and_an_answer(history: duckdb.DuckDBPyConnection) -> None:
    titles = re.findall(r"^### (.*\?)$", PAGE, re.MULTILINE)
    found = questions.answers(history, PAGE)
    assert len(titles) == len(set(titles)) == len(found) == 36  # 35 questions; that of stuck runs has two
    assert all(rows for _, rows in found)


def test_results_are_small_and_wider_texts_are_cut() -> None:
    tables = re.findall(r"^```\n\n((?:\|[^\n]*\n)+)", PAGE, re.MULTILINE)
    assert len(tables) >= 36
    assert all(len(table.splitlines()) <= 2 + max(questions.MOST, len(model.SHOWN)) for table in tables)


def test_a_wrong_result_is_seen(history: duckdb.DuckDBPyConnection) -> None:
    cells = re.search(r"^\| 1 \| acme/billing-api \| (\d+) ", PAGE, re.MULTILINE)
    assert cells is not None
    wrong = f"{PAGE[: cells.start(1)]}{int(cells[1]) + 1}{PAGE[cells.end(1) :]}"
    assert wrong != questions.written(history, wrong) == PAGE


def test_the_picture_joins_things_by_their_keys(history: duckdb.DuckDBPyConnection) -> None:
    for parent, child in (("tasks", "runs"), ("runs", "run_attempts"), ("run_attempts", "run_activity")):
        assert re.search(rf"^    {parent} \|\|--o[{{|] {child} : ", PAGE, re.MULTILINE)
        assert history.execute(model.orphans((parent, child))).fetchone() == (0,)


@pytest.mark.worlds
def test_the_history_can_be_lived_anew() -> None:
    """The packed one needs no emulator; this says that ``python -m tests.marts.history`` still makes one."""
    demo = Demo()
    try:
        path = demo.live()
        views.add(path, views.template(path.parent))
        with duckdb.connect(str(path)) as connection:
            counts = connection.execute("SELECT count(*), count(*) FILTER (verdict = 'complete') FROM ledger.passes")
            passes, complete = counts.fetchone() or (0, 0)
            assert complete == passes > 100
            assert connection.execute("SELECT count(*) > 20 FROM main.failures").fetchone() == (True,)
    finally:
        demo.house.close()
