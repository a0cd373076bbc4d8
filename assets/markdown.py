"""Markdown tables of untrusted text."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]+")
_MEANING = re.compile(r"([\\`*_{}\[\]()#+!|<>~$&:@-])")
WIDTH = 60


def cell(value: Any) -> str:
    """A value as the text of one cell, which no renderer takes for markup, a link or a new row."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    text = " ".join(_UNSEEN.sub(" ", str(value)).split())
    return _MEANING.sub(r"\\\1", text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…")


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as a Markdown table."""
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    lines += [f"| {' | '.join(cell(row[column]) for column in columns)} |" for row in rows]
    return "\n".join(lines)
