"""What the documents and the example say is run as it stands."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taskhouse.settings import load
from tests.report.world import walk, with_runs

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("recipes", "report")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with_runs(walk(["acme/web", "acme/api"], days=20), days=5).publish(tmp_path / ".taskhouse")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TASKHOUSE_HOME", raising=False)
    load.cache_clear()
    yield tmp_path
    load.cache_clear()


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / "docs" / f"{document}.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("document", DOCUMENTS)
def test_python_of_the_documents_runs(document: str) -> None:
    found = blocks(document, "python")
    assert found
    for block in found:
        exec(compile(block, f"docs/{document}.md", "exec"), {})  # noqa: S102 - our own document


@pytest.mark.usefixtures("home")
def test_sql_of_the_recipes_gives_rows() -> None:
    with duckdb.connect() as connection:
        for block in blocks("recipes", "sql"):
            for statement in duckdb.extract_statements(block):
                rows = connection.execute(statement).fetchall()
                if statement.query.strip().upper().startswith(("--", "FROM")) and "verdict <>" not in statement.query:
                    assert rows, statement.query


def test_the_recipes_of_the_export_read_its_files(home: Path) -> None:
    exec(blocks("recipes", "python")[-1], {})  # noqa: S102 - our own document
    [model] = [block for block in blocks("recipes", "yaml") if "read_parquet" in block]
    [query] = re.findall(r"^sql: (.*)$", model, re.MULTILINE)
    with duckdb.connect() as connection:
        rows = connection.execute(query.replace("/path/to", str(home))).fetchall()
        assert rows


@pytest.mark.usefixtures("home")
def test_the_notebook_runs_from_top_to_bottom_and_shows_frames() -> None:
    notebook = json.loads((ROOT / "examples" / "readiness.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    names: dict[str, Any] = {}
    shown = {cell["id"]: run_cell("".join(cell["source"]), names) for cell in cells}
    assert "acme/web" in shown["trend"].columns
    assert len(shown["columns"]) == 6
    assert {"previous_overall", "overall"} <= set(shown["changes"].columns)
    assert shown["runs"]["success"].between(0, 1).any()
    assert set(shown["proof"]["verdict"]) == {"complete"}


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Run a cell; returns what a notebook would show below it, which is the value of its last expression."""
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "a cell", "exec"), names)  # noqa: S102 - our own notebook
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "a cell", "eval"), names)  # noqa: S307 - our own notebook


def test_sizes_and_definitions_in_the_document_are_those_of_the_code() -> None:
    from taskhouse.report import Options  # noqa: PLC0415

    text = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    assert f"Beyond {Options().rows} repositories" in text
    assert "below 200 KB" in text
