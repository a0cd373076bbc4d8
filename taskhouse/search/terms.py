"""What a word is, in a text that is indexed and in what somebody searches for. Pure.

FTS5 splits both into words at everything that is no letter and no digit, and ignores case and diacritics. So
``src/session.ts`` and ``snake_case`` are several words that follow each other. Two things are added here:

- Chinese characters, kana and Hangul are words by themselves, because those texts have no spaces between words.
- The parts of ``getUserName`` are found too, as words of another column: ``get``, ``user`` and ``name``.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from taskhouse.errors import ConfigurationError

MOST_CHARACTERS = 100_000
"""How much of a text is indexed, from its beginning."""

MOST_TERMS = 50
SHORTEST_PREFIX = 2

BETWEEN = "\x1f"
"""Separates characters that are words by themselves; it is taken out again before people see the text."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WITHOUT_SPACES = re.compile(
    "([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0002fa1f])"
)
_HIDDEN = re.compile(r"\[text [0-9]{1,9} [0-9a-f]{16}\]")
"""What ``capture_text = none`` stores in place of a text."""

_JOINED = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2}[a-z]")
_IDENTIFIER = re.compile(r"\b[A-Za-z0-9]{3,64}\b")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+[0-9]*|[A-Z]+[0-9]*|[0-9]+")
_APART = "\ue000"
"""Stands between two identifiers, so that no phrase goes from one to the next."""

_TERM = re.compile(r'(?P<without>-(?!-))?(?:"(?P<phrase>[^"]*)"?(?P<open>\*)?|(?P<word>\S+))')
_LAST_WORD = re.compile(r"[^\W_]+(?=[\W_]*$)")
_LABELS, _LABEL = 6_000, 0xE100
_SUBJECTS, _SUBJECT = 65_000, 0xF0000


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase of a search.

    Attributes:
        text: The word, or the words that follow each other.
        prefix: Whether the last word may go on.
        without: Whether it must not occur.
    """

    text: str
    prefix: bool = False
    without: bool = False

    @property
    def match(self) -> str:
        """The term as FTS5 reads it: a string, which can contain no operator."""
        text = _WITHOUT_SPACES.sub(rf"{BETWEEN}\1{BETWEEN}", self.text.replace('"', " "))
        return f'"{text}"{" *" if self.prefix else ""}'


def indexed(text: str) -> tuple[str, str]:
    """A text as it is indexed, and the parts of the identifiers in it; both are empty if it holds no text."""
    text = _CONTROL.sub(" ", _HIDDEN.sub("", text[:MOST_CHARACTERS])).strip()
    text = _WITHOUT_SPACES.sub(rf"{BETWEEN}\1{BETWEEN}", text)
    return text, _parts(text) if _JOINED.search(text) else ""


def label(number: int) -> str:
    """The word for a project, a repository or a kind of text, which no prefix of two letters leads to."""
    return _character(number, _LABELS, _LABEL)


def subject(number: int) -> str:
    """The word for a run or a task."""
    return _character(number, _SUBJECTS, _SUBJECT)


def parsed(words: str) -> list[Term]:
    """The terms of a search.

    Raises:
        ConfigurationError: There is none that must occur, there are too many, or a prefix is too short.
    """
    words = _CONTROL.sub(" ", words).encode("utf-8", "replace").decode()  # a lone surrogate is no letter
    found = [_term(each) for each in _TERM.finditer(words)]
    terms = list(dict.fromkeys(term for term in found if any(map(_is_searchable, term.text))))
    if not terms:
        raise ConfigurationError(
            "There is nothing to search for: letters and digits are indexed, other characters are not.",
            hint='Name at least one word, for example: taskhouse search "permission denied".',
        )
    if all(term.without for term in terms):
        raise ConfigurationError(
            "The search only says what must not occur.", hint="Name at least one word that must occur."
        )
    if len(terms) > MOST_TERMS:
        raise ConfigurationError(
            f"The search has {len(terms):,} words, but {MOST_TERMS} is the most.",
            hint="Search for fewer words, or for a phrase: '\"word after word\"'.",
        )
    return terms


def matching(terms: Sequence[Term], labels: Iterable[Sequence[str]] = ()) -> str:
    """The expression of FTS5 for texts with all terms, and at least one of each group of labels."""
    groups = [" OR ".join(f'"{each}"' for each in group) for group in labels]
    wanted = " AND ".join(term.match for term in terms if not term.without)
    without = " OR ".join(term.match for term in terms if term.without)
    found = " AND ".join([*(f"({{facets}} : ({group}))" for group in groups), f"({{text parts}} : ({wanted}))"])
    return f"({found}) NOT ({{text parts}} : ({without}))" if without else found


def _term(found: re.Match[str]) -> Term:
    without = found["without"] is not None
    if found["word"] is None:
        text, prefix = found["phrase"], found["open"] is not None
    else:
        text = found["word"].rstrip("*")
        prefix = text != found["word"]
    last = _LAST_WORD.search(text) if prefix else None
    prefix = last is not None and not _WITHOUT_SPACES.search(last[0][-1])  # such a character is a whole word
    if last is not None and prefix and len(last[0]) < SHORTEST_PREFIX:
        raise ConfigurationError(
            f"The prefix {last[0]}* is too short.", hint=f"A prefix has at least {SHORTEST_PREFIX} letters."
        )
    return Term(text, prefix, without)


def _is_searchable(character: str) -> bool:
    return unicodedata.category(character)[0] in "LN"


def _parts(text: str) -> str:
    found = (_PART.findall(each) for each in _IDENTIFIER.findall(text) if _JOINED.search(each))
    return f" {_APART} ".join(dict.fromkeys(" ".join(each) for each in found if len(each) > 1))


def _character(number: int, of: int, first: int) -> str:
    """A number as one or more private characters, which FTS5 takes for letters."""
    found = ""
    while True:
        number, place = divmod(number, of)
        found = chr(first + place) + found
        if not number:
            return found
