"""What the payloads of a tool call say together, and diffs. Pure.

What an agent wrote is read, and never trusted: any value may be missing or of another type.
"""

import difflib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from taskhouse.run_page import texts
from taskhouse.run_page.model import Diff, Row

LARGE_DIFF = 4000
"""Lines of a file up to which two versions of it are compared line by line."""


def document(payload: str | None) -> dict[str, Any]:
    """The JSON object of an event; empty if it is none, or too large to be read."""
    if payload is None:
        return {}
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        try:
            found = json.loads(payload)  # takes halves of emoji, which agents send
        except (ValueError, RecursionError):
            return {}
    return found if isinstance(found, dict) else {}


def inner(value: Any, *path: str) -> Any:
    """What stands under keys inside each other; None if there is nothing."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def mapping(value: Any, *path: str) -> dict[str, Any]:
    """The object that stands under keys inside each other; empty if there is none."""
    found = inner(value, *path)
    return found if isinstance(found, dict) else {}


def words(value: Any) -> str:
    """Any value as text: JSON, unless it is a text already."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, indent=1)
    except RecursionError:
        return "[nested too deeply to be shown]"


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a list."""
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())


def update(event: dict[str, Any]) -> dict[str, Any]:
    """What an event of a tool call says of it, wherever its runtime puts that."""
    for found in (inner(event, "notification", "params", "update"), inner(event, "event", "toolCall")):
        if isinstance(found, dict):
            return found
    return {}


class CallUpdates:
    """The updates of one tool call, merged: the last value of each field holds."""

    def __init__(self) -> None:
        self.input: Any = None
        self.raw_output: Any = None
        self.content: Any = None
        self.stdout: list[str] = []
        self.hidden = False
        self.unread = 0

    def add(self, event: Row) -> None:
        """Take one more update, a row of ``events.sql``."""
        self.hidden = self.hidden or event["is_hidden"]
        if event["payload"] is None:
            self.unread += event["bytes"]
        elif not event["is_hidden"]:
            self._take(update(document(event["payload"])))

    def _take(self, said: dict[str, Any]) -> None:
        for name in ("rawInput", "input", "arguments"):
            if said.get(name):
                self.input = said[name]
        for name in ("rawOutput", "output", "result"):
            if said.get(name) is not None:
                self.raw_output = said[name]
        if said.get("content"):
            self.content = said["content"]
        shown = inner(said, "_meta", "terminal_output", "data")
        if isinstance(shown, str):
            self.stdout.append(shown)

    def arguments(self, shown: str) -> list[tuple[str, str]]:
        """Names and values of the input; not the one that is ``shown`` as the title, nor the texts of a diff."""
        if not isinstance(self.input, dict):
            return [("input", words(self.input))] if self.input and words(self.input) != shown else []
        replaced = {"old_string", "new_string", "oldText", "newText"} if any(self.diffs()) else set()
        if "content" in self.input and replaced:
            replaced = {*replaced, "content"}
        return [
            (str(name), words(value))
            for name, value in self.input.items()
            if name not in replaced and words(value) not in ("", shown)
        ]

    def diffs(self) -> list[Diff]:
        """The changes of files: as reported, or else as the input of an editing tool asks for."""
        found = [
            of_texts(words(each.get("path")), each.get("oldText"), words(each.get("newText")))
            for each in objects(self.content)
            if each.get("type") == "diff"
        ]
        if not found and isinstance(self.input, dict) and isinstance(self.input.get("new_string"), str):
            path, old = words(self.input.get("file_path")), self.input.get("old_string")
            found = [of_texts(path, old if isinstance(old, str) else None, self.input["new_string"])]
        return found

    def output(self) -> str:
        """What came out: of a command its streams, else the text of the result."""
        if self.stdout:
            return "".join(self.stdout)
        raw = self.raw_output
        if isinstance(raw, dict):
            parts = [words(raw.get(name)) for name in ("stdout", "stderr", "content", "output", "error", "message")]
            said = "\n".join(part for part in parts if part)
            if said:
                return said
            rest = {name: value for name, value in raw.items() if name not in {"isError", "exitCode"} and value != ""}
            return words(rest) if rest else ""
        if raw:
            return words(raw)
        return "\n".join(part for part in _texts(self.content) if part)

    def enclosed(self) -> list[str]:
        """Pictures and files in the content, by name and size."""
        return [name for each in _blocks(self.content) if (name := _enclosed(each))]


def _blocks(content: Any) -> Iterator[dict[str, Any]]:
    for each in objects(content):
        inside = each.get("content")
        if isinstance(inside, dict):
            yield inside
        elif isinstance(inside, list):
            yield from objects(inside)
        else:
            yield each


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for each in _blocks(content):
        if isinstance(each.get("text"), str):
            yield each["text"]
        elif isinstance(inside := inner(each, "resource", "text"), str):
            yield inside


def _enclosed(block: dict[str, Any]) -> str:
    kind = block.get("type")
    if kind in {"image", "audio"}:
        data = block.get("data")
        size = f", {texts.size(len(data) * 3 // 4)}" if isinstance(data, str) else ""
        return f"{kind} {texts.line(block.get('mimeType') or '', 40)}{size}".replace(" ,", ",").strip()
    if kind == "resource_link":
        return f"file {texts.line(block.get('name') or block.get('uri') or '', 120)}"
    return ""


def of_texts(path: str, old: Any, new: str) -> Diff:
    """The change from one text to another as unified lines, with the lines around each change."""
    before = old.splitlines() if isinstance(old, str) else []
    after = new.splitlines()
    if len(before) > LARGE_DIFF or len(after) > LARGE_DIFF:
        body = [*(f"-{one}" for one in before), *(f"+{one}" for one in after)]
    else:
        body = list(difflib.unified_diff(before, after, lineterm="", n=3))[2:]
        if sum(one.startswith("@@") for one in body) == 1:
            body = body[1:]  # where the only change is in a part of a file, its line number says nothing
    return Diff(
        path,
        "\n".join(body),
        _count(body, "+"),
        _count(body, "-"),
        new=not isinstance(old, str),
    )


def _count(body: Iterable[str], sign: str) -> int:
    return sum(one.startswith(sign) for one in body)
