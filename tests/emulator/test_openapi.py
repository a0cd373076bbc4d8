"""The read operations of PostHog's OpenAPI document, with October's rows: what fits is taken, what does not is 400.

``openapi/paths.json`` has the operations with the schemas of their parameters. Where the emulator takes what the
document does not allow, or the other way round, PostHog does so as well; ``docs/emulator.md`` lists these cases.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from tests.emulator.conftest import PROJECT

OPERATIONS = json.loads((Path(__file__).parent / "openapi" / "paths.json").read_text(encoding="utf-8"))
TEXTS = ("", " ", "0", "-1", "31", "5001", "true", "null", "acme/web", "2026-01-01T00:00:00Z", "\u00e9\u2028")
LENIENT = {"limit", "offset"}
"""Lists read any text as a page; the pages of a log do not."""

FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time")
def _is_time(text: object) -> bool:
    return not isinstance(text, str) or text.startswith("2026-")


def fits(schema: dict[str, Any], text: str) -> bool:
    """Whether a text of a query is a value that the schema allows; ``0`` and ``1`` are booleans too."""
    value: object = text
    if schema.get("type") == "integer" and text.removeprefix("-").isdigit():
        value = int(text)
    elif schema.get("type") == "boolean" and text in {"true", "0", "1"}:
        value = True
    return jsonschema.Draft202012Validator(schema, format_checker=FORMATS).is_valid(value)


def allowed(path: str, name: str, schema: dict[str, Any], text: str) -> bool:
    """What PostHog takes, by the document and by what the document does not say."""
    if path == "/repository_readiness/" and name == "repository":
        return text == "acme/web"
    if not text or (name in LENIENT and not path.endswith("session_logs/")):
        return True
    if schema.get("type") == "boolean" and not text.strip():
        return True
    return fits(schema, text)


@pytest.mark.parametrize("path", OPERATIONS)
def test_every_value_of_every_parameter_is_taken_or_refused_as_the_document_says(
    client: httpx.Client, check: Callable[[Any, str], None], path: str
) -> None:
    operation = OPERATIONS[path]
    task = next(row for row in client.get(f"{PROJECT}/").json()["results"] if row["latest_run"])
    url = PROJECT + path.format(task_id=task["id"], run_id=task["latest_run"]["id"])
    query = {"repository": "acme/web"} if path == "/repository_readiness/" else {"limit": "3"}
    body = {"ids": [task["id"]]} if operation["method"] == "post" else None
    cases = [(name, schema, text) for name, schema in operation["query"].items() for text in TEXTS]
    for name, schema, text in (("unknown", {}, "x"), *cases):
        answer = client.request(operation["method"], url, params={**query, name: text}, json=body)
        took = name == "unknown" or allowed(path, name, schema, text)
        assert answer.status_code == (200 if took else 400), (name, text, answer.text[:200])
        found = answer.json()
        if not took:
            check(found, "current/ErrorHog")
            assert found["attr"] == name
        elif operation["row"]:
            for row in found["results"][:1] if "results" in found else [found]:
                light = "description_preview" in row
                check({"description": "", **row} if light else row, operation["row"])
