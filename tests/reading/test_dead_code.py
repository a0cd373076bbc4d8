"""No function, method or class stands there that nothing names."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("taskhouse", "assets", "pipelines", "emulator")
READ = {".py", ".html", ".ipynb", ".toml", ".yaml"}
CALLED_BY_LIBRARIES = {
    "build_defs",  # dagster
    "connection_made",  # asyncio
    "data_received",
    "discover_streams",  # singer
    "get_records",
    "handle_async_request",  # httpx
    "main_loop",  # uvicorn
    "on_body",  # httptools
    "on_broken_pipe",  # rich
    "on_header",
    "on_headers_complete",
    "on_message_complete",
    "on_url",
    "recreate",  # sqlalchemy
    "settings_customise_sources",  # pydantic
}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in READ and path.is_file() and "__pycache__" not in path.parts:
                yield path


def defined(text: str) -> Iterator[str]:
    """Names of functions and classes that no decorator hands to somebody."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.decorator_list:
            yield node.name


def unnamed(texts: dict[Path, str]) -> list[str]:
    """What is defined in the Python files among these, and named nowhere else in any of them."""
    words = Counter(word for text in texts.values() for word in re.findall(r"\w+", text))
    names = [(path, name) for path, text in texts.items() if path.suffix == ".py" for name in defined(text)]
    return sorted(f"{path.stem}.{name}" for path, name in names if words[name] == 1 and not name.startswith("__"))


def test_everything_is_named_somewhere() -> None:
    product = {path.resolve(): path.read_text("utf-8") for path in sources(*PRODUCT)}
    others = {path: path.read_text("utf-8") for path in [ROOT / "pyproject.toml", *sources("benchmarks", "examples")]}
    tests = [path.read_text("utf-8") for path in sources("tests") if path != Path(__file__)]
    words = {word for text in tests for word in re.findall(r"\w+", text)}
    dead = [found for found in unnamed(product | others) if found.split(".")[-1] not in words | CALLED_BY_LIBRARIES]
    assert dead == []


def test_what_nothing_names_is_found() -> None:
    one, other = "def used(): pass\ndef unused(): pass\n", "from one import used\n"
    assert unnamed({Path("one.py"): one, Path("other.py"): other}) == ["one.unused"]
