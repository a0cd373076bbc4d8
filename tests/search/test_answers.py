"""What a search finds, compared with a plain reading of the same texts."""

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskhouse.errors import ConfigurationError, TaskhouseError
from taskhouse.search import database, query, terms
from taskhouse.search.index import _Key, _Subject, _Text, _Work
from taskhouse.search.query import Question, search

START = datetime(2026, 11, 1, tzinfo=UTC)
WORDS = ("ab", "abc", "abcd", "ba", "Bab", "cáb")
HAN = "数据库테か"


def plain(word: str) -> str:
    return word.lower().replace("á", "a")


@dataclass
class Piece:
    """A part of a text: as it is written, and the words that a reader sees in it."""

    written: str
    words: list[str]
    names: list[list[str]] = field(default_factory=list)


word = st.sampled_from(WORDS).map(lambda each: Piece(each, [plain(each)]))
path = st.lists(st.sampled_from(WORDS), min_size=2, max_size=3).flatmap(
    lambda words: st.sampled_from("/_.-").map(lambda mark: Piece(mark.join(words), [plain(each) for each in words]))
)
han = st.text(HAN, min_size=1, max_size=3).map(lambda text: Piece(text, list(text)))
identifier = st.lists(st.sampled_from(["ab", "abc", "ba", "cab"]), min_size=2, max_size=3).map(
    lambda parts: Piece("".join(each.capitalize() for each in parts), ["".join(parts)], [parts])
)


@dataclass
class Document:
    """A text of a run, and what a search may ask of it."""

    pieces: list[Piece]
    at: int
    kind: str
    run: int

    @property
    def text(self) -> str:
        return " ".join(piece.written for piece in self.pieces)

    @property
    def lines(self) -> list[list[str]]:
        """What a phrase may be in."""
        text = [each for piece in self.pieces for each in piece.words]
        return [text, *(name for piece in self.pieces for name in piece.names)]


documents = st.lists(
    st.builds(
        Document,
        st.lists(st.one_of(word, path, han, identifier), min_size=1, max_size=5),
        st.integers(0, 3),
        st.sampled_from(["message", "error"]),
        st.integers(0, 3),
    ),
    max_size=8,
)


@dataclass
class Asked:
    """A term of a search: as it is typed, and what it means."""

    typed: str
    words: list[str]
    prefix: bool = False
    without: bool = False

    def is_in(self, document: Document) -> bool:
        return any(self._follows(line, place) for line in document.lines for place in range(len(line)))

    def _follows(self, line: Sequence[str], place: int) -> bool:
        found = line[place : place + len(self.words)]
        *firsts, last = self.words
        return (
            len(found) == len(self.words)
            and found[:-1] == firsts
            and (found[-1].startswith(last) if self.prefix else found[-1] == last)
        )


def asked(piece: Piece, *, quoted: bool, prefix: bool, without: bool) -> Asked:
    prefix &= piece.words[-1] not in HAN
    typed = f'"{piece.written}"' if quoted else piece.written
    return Asked(f"{'-' * without}{typed}{'*' * prefix}", piece.words, prefix, without)


terms_asked = st.lists(
    st.builds(
        asked,
        st.one_of(word, path, han),
        quoted=st.booleans(),
        prefix=st.booleans(),
        without=st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=3,
).filter(lambda several: not all(each.without for each in several))

RUNS = [(1, "acme/web"), (1, "acme/api"), (2, "other/web"), (2, None)]
FILTERS: list[tuple[dict[str, Any], Any]] = [
    ({}, lambda _: True),
    ({"kinds": ["error"]}, lambda each: each.kind == "error"),
    ({"projects": [2]}, lambda each: each.run > 1),
    ({"repository": "ACME/*"}, lambda each: each.run < 2),
    ({"run": "run-2"}, lambda each: each.run == 2),
    ({"run": "run-"}, lambda _: False),
    ({"since": START + timedelta(milliseconds=1)}, lambda each: each.at >= 1),
    ({"until": START + timedelta(milliseconds=2)}, lambda each: each.at < 2),
    ({"kinds": ["error", "task"], "projects": [1], "repository": "*/web"}, lambda e: e.kind == "error" and e.run == 0),
]


def indexed(folder: Path, held: Sequence[Document]) -> None:
    (folder / database.NAME).unlink(missing_ok=True)
    with database.writing(folder) as index:
        work = _Work(index, cast("Any", None))
        for run, (project, repository) in enumerate(RUNS):
            texts = [
                _Text(each.kind, str(place), int(START.timestamp() * 1000) + each.at, *terms.indexed(each.text))
                for place, each in enumerate(held)
                if each.run == run
            ]
            with database.atomic(index):
                work._write(_Subject(_Key(project, f"task-{run}", f"run-{run}"), "mark", repository), texts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("published")


drawn = given(held=documents, several=st.lists(terms_asked, min_size=2, max_size=4), rank=st.booleans())


@settings(max_examples=15)
@drawn
def test_a_search_finds_what_a_reader_finds_newest_first(
    folder: Path, held: list[Document], several: list[list[Asked]], *, rank: bool
) -> None:
    compare(folder, held, several, rank=rank)


@pytest.mark.worlds
@settings(max_examples=1000)
@drawn
def test_a_search_finds_what_a_reader_finds_in_many_more_texts(
    folder: Path, held: list[Document], several: list[list[Asked]], *, rank: bool
) -> None:
    compare(folder, held, several, rank=rank)


def compare(folder: Path, held: list[Document], several: list[list[Asked]], *, rank: bool) -> None:
    indexed(folder, held)
    for asking, (options, fits) in itertools.product(several, FILTERS):
        found = search(folder, Question(" ".join(each.typed for each in asking), **options, rank=rank))
        wanted = [
            place
            for place, each in enumerate(held)
            if fits(each) and all(term.is_in(each) is not term.without for term in asking)
        ]
        assert sorted(int(hit.place) for hit in found.hits) == wanted
        times = [hit.at for hit in found.hits]
        assert rank or times == sorted(times, reverse=True, key=lambda at: at or START)
        assert {hit.at for hit in found.hits} == {START + timedelta(milliseconds=held[each].at) for each in wanted}


ODD = st.one_of(
    st.text(),
    st.text("\"*-()^:{}+\\\0 aA数🎉'́", max_size=30),
    st.sampled_from(
        ["NEAR(a b, 2)", "a AND OR NOT b", "{text}: a", "text : a", '"' * 9 + "a", "a" * 10_000, "(" * 9000]
    ),
)


@settings(max_examples=80)
@given(words=ODD)
def test_whatever_somebody_types_is_answered_or_refused_in_words(folder: Path, words: str) -> None:
    if not (folder / database.NAME).exists():
        indexed(folder, [])
    with contextlib.suppress(ConfigurationError):
        search(folder, Question(words))


def test_a_word_of_any_length_and_many_words_are_answered_or_refused(folder: Path) -> None:
    indexed(folder, [Document([Piece("ab " * 40_000, [])], 0, "message", 0)])
    assert len(search(folder, Question("ab " + " ".join(f"-x{each}" for each in range(49)))).hits) == 1
    for words in (" ".join(f"ab{each}" for each in range(51)), "a*", '"ab b"*', "-ab", "🎉", ""):
        with pytest.raises(ConfigurationError, match=r"nothing to search|must not occur|is the most|is too short"):
            search(folder, Question(words))


def test_of_many_texts_the_newest_come_and_the_rest_is_counted(folder: Path) -> None:
    indexed(folder, [Document([Piece("ab", ["ab"])], 0, "message", 0) for _ in range(60)])  # of one moment
    found = search(folder, Question("ab", limit=50))
    assert (len(found.hits), found.more, found.stopped) == (50, True, False)
    assert len({hit.place for hit in search(folder, Question("ab", limit=60)).hits}) == 60


def test_a_search_that_takes_too_long_ends_with_what_was_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    indexed(folder, [Document([Piece("ab " * 200, ["ab"])], 0, "message", 0) for _ in range(60)])
    monkeypatch.setattr(query, "DEADLINE_S", 0.0)
    found = search(folder, Question("ab", limit=60))
    assert found.stopped
    assert len(found.hits) <= 60


def test_a_snippet_is_one_line_and_says_where_the_words_are(folder: Path) -> None:
    indexed(folder, [Document([Piece("one\n two\x02\x1b[31m 数据库 three", [])], 0, "message", 0)])
    (hit,) = search(folder, Question("据库 two")).hits
    assert hit.snippet == "one two [31m 数据库 three"
    assert [hit.snippet[first:last] for first, last in hit.highlights] == ["two", "据库"]


def test_without_an_index_with_a_broken_one_and_without_fts5_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match=r"taskhouse search --build"):
        search(tmp_path, Question("ab"))
    (tmp_path / database.NAME).write_bytes(b"not a database" * 1000)
    with pytest.raises(TaskhouseError, match=r"search\.sqlite cannot be read: file is not a database"):
        search(tmp_path, Question("ab"))
    indexed(tmp_path, [])
    with pytest.raises(ConfigurationError, match=r"limit=0 is not between 1 and 10,000"):
        search(tmp_path, Question("ab", limit=0))
    with pytest.raises(ConfigurationError, match=r"There is no kind 'joke'"):
        search(tmp_path, Question("ab", kinds=["joke"]))
    (tmp_path / database.NAME).unlink()
    monkeypatch.setattr(database, "statement", lambda _: "CREATE VIRTUAL TABLE a USING fts5_not_there(b);")
    with pytest.raises(ConfigurationError, match=r"no full-text search \(FTS5\)"), database.writing(tmp_path):
        pass
