"""Every text of the engine can be shown to the reader of a component, in the words of its attributes."""

import ast
import re
import traceback
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import dagster as dg
import pytest

import taskhouse
from taskhouse.assets.retries import attempt
from taskhouse.errors import AccessDenied, ConfigurationError
from taskhouse.pipelines.cli.errors import _text, rows
from taskhouse.pipelines.wording import ATTRIBUTES, Wording
from taskhouse.settings import Settings
from tests.pipelines.rows import Still

ROOT = Path(taskhouse.__file__).parent
WHERE = "acme/defs/eu"
WORDS = Wording.of(WHERE, "EU_KEY", {"home": "/data/eu", "host": "https://eu.posthog.com", "pinned": "true"})
NAMED = re.compile("|".join(ATTRIBUTES))
SPAN = re.compile("`[^`]*`")


def _texts() -> Iterator[tuple[str, str]]:
    """Every text in the code that names a setting or a command, and every error with its hint."""
    for row in rows():
        yield row.where, f"{row.said} {row.hint}"
    shown = [*ROOT.rglob("*.py"), *(ROOT / "assets").rglob("*.py"), ROOT / "pipelines" / "failures.py"]
    for path in sorted(shown):
        tree = ast.parse(path.read_text("utf-8"))
        inner: set[ast.AST] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr) or node in inner:  # docstrings, and parts of a text
                inner |= {*ast.iter_child_nodes(node)}
            elif isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)):
                inner |= {*ast.iter_child_nodes(node)}
                text = _text(node)
                if " " in text and (NAMED.search(text) or "`taskhouse " in text):
                    yield str(path.relative_to(ROOT)), text


@cache
def texts() -> list[tuple[str, str]]:
    """The texts of all but the command line, each once."""
    return sorted({(where, text) for where, text in _texts() if not where.startswith("pipelines/cli")})


def test_no_text_keeps_the_name_of_a_variable_that_an_attribute_covers() -> None:
    assert len(texts()) > 150
    assert all(row.hint.endswith(".") for row in rows() if "`taskhouse " in row.hint)
    for where, text in texts():
        shown, _, exports = WORDS.reworded(text).partition(" Before that, ")
        assert not NAMED.search(shown), (where, text)
        assert shown.count("`") % 2 == 0, (where, shown)
        assert not re.search(rf"{WHERE}[=/]", shown), (where, shown)  # a value or a path that was made of the name
        assert bool(exports) == ("`taskhouse " in text and text.endswith(".")), (where, text)
        assert not any(NAMED.search(span) for span in SPAN.findall(text)), (where, text)


EXPORT = (
    " Before that, `export TASKHOUSE_HOME=/data/eu POSTHOG_HOST=https://eu.posthog.com"
    ' TASKHOUSE_PINNED=true POSTHOG_PERSONAL_API_KEY="$EU_KEY"`.'
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Set POSTHOG_HOST to https://x.", "Set `host` of acme/defs/eu to https://x."),
        ("Unset TASKHOUSE_PINNED.", "Unset `pinned` in `optional_resources` of acme/defs/eu."),
        ("Check POSTHOG_PERSONAL_API_KEY.", "Check EU_KEY."),
        ("Set TASKHOUSE_HOMES.", "Set TASKHOUSE_HOMES."),
        ("it was interrupted; run `taskhouse sync` again", "it was interrupted; run `taskhouse sync` again"),
        ("Run `taskhouse check`.", f"Run `taskhouse check`.{EXPORT}"),
    ],
)
def test_a_text_in_the_words_of_a_component(text: str, shown: str) -> None:
    assert WORDS.reworded(text) == shown
    assert WORDS.reworded(shown) == shown


class Reader(Still):
    """An engine whose reader knows attributes."""

    def reworded(self, text: str) -> str:
        return WORDS.reworded(text)


def test_dagster_shows_a_failure_and_what_caused_it_in_these_words(tmp_path: Path) -> None:
    def work() -> None:
        try:
            raise AccessDenied("Refused.", hint="Check POSTHOG_HOST.")  # noqa: TRY301
        except AccessDenied:
            raise ConfigurationError("TASKHOUSE_HOME is a file.", hint="Run `taskhouse check`.")  # noqa: B904

    with pytest.raises(dg.Failure) as failure:
        attempt(Reader(Settings(_env_file=None, home=tmp_path)), work)
    shown = "".join(traceback.format_exception(failure.value))
    assert failure.value.description == f"`home` of {WHERE} is a file."
    assert f"AccessDenied: Refused. Check `host` of {WHERE}." in shown
    assert shown.count("Before that, `export TASKHOUSE_HOME=/data/eu") == 1
