"""Every fact of the API that the code cites stands in docs/api.md."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CITED = re.compile(r"API\s+(?:#\s*|--\s*)?facts,?\s+([0-9]+(?:\.[0-9]+)*(?:(?:,| and| to)\s+[0-9]+(?:\.[0-9]+)+)*)")
NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)*")
FOLDERS = ("taskhouse", "assets", "pipelines", "tests", "benchmarks", "docs")
ENDINGS = {".py", ".sql", ".md"}


def _facts() -> set[str]:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    return set(re.findall(r"^##+ ([0-9]+(?:\.[0-9]+)?) ", text, re.MULTILINE))


def _citations() -> dict[str, set[str]]:
    """By number of a fact, the files that cite it."""
    found: dict[str, set[str]] = {}
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in ENDINGS]
    for path in (*files, ROOT / "README.md"):
        if path != Path(__file__):
            for numbers in CITED.findall(path.read_text(encoding="utf-8")):
                for number in NUMBER.findall(numbers):
                    found.setdefault(number, set()).add(str(path.relative_to(ROOT)))
    return found


def test_every_citation_names_a_section_of_the_document() -> None:
    cited = _citations()
    assert len(cited) > 20
    assert {number: files for number, files in cited.items() if number not in _facts()} == {}


def test_no_other_collection_of_facts_is_cited() -> None:
    files = [path for folder in FOLDERS[:3] for path in (ROOT / folder).rglob("*") if path.suffix in ENDINGS]
    names = {name for path in files for name in re.findall(r"(\w+)\s+facts [0-9]", path.read_text("utf-8"))}
    assert names == {"API"}
