"""The cost of a task as columns: which fields are known, and what is stored."""

import json
import math
from collections.abc import Mapping
from typing import Any

from taskhouse.posthog import content, fields
from taskhouse.posthog.known_fields import Shape, words
from taskhouse.posthog.pages import Row, digest
from taskhouse.posthog.redact import REDACTED, redact_event

SHAPE = Shape(words("token_cost_usd compute_cost_usd total_cost_usd"))


def read(row: Row) -> dict[str, Any]:
    """Columns of ``raw.task_usage`` from the usage of a task, which does not say whose it is.

    Raises:
        BadRecord: An amount is missing or no number.
    """
    amounts = {name: _amount(row.data, name) for name in sorted(SHAPE.fields)}
    return {
        **amounts,
        "content_hash": digest(content.canonical(amounts)),
        "payload": redact_event(content.canonical(row.data))[0].decode(),
        "payload_sha256": digest(row.text),
    }


def content_hashes(payload: str) -> set[str]:
    """Every ``content_hash`` that a kept version may have; none where something was cut out of its payload."""
    data = json.loads(payload)
    return set() if REDACTED in payload else {read(Row(data, b""))["content_hash"]}


def _amount(data: Mapping[str, Any], name: str) -> float | None:
    """An amount of money, as a number or as the text of one; null is an amount that the server does not know."""
    value = data.get(name, "")
    if value is None:
        return None
    try:
        amount = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        amount = math.nan
    if not math.isfinite(amount):
        raise fields.BadRecord(f"/{name}", "missing" if name not in data else "not an amount")
    return amount
