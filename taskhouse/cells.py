"""Text of strangers in the cells of a CSV: no formula for a spreadsheet, no command for a terminal."""

import csv
import re
from collections.abc import Iterable, Iterator

_FORMULA = re.compile(r"[\s\x00]*[=+\-@\uff0b\uff0d\uff1d\uff20]|[\t\r\n\x00]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_UNPRINTED = re.compile(rb"[^ -~]|[\\\"']")


def lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Lines of CSV, in which no line end inside a cell begins another row: a lone CR is quoted as well as LF."""
    last = _Last()
    write = csv.writer(last, lineterminator="\r\n").writerow
    for row in rows:
        write(row)
        yield last.text[:-2] + "\n"


class _Last:
    """A file that keeps what was written last."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def disarmed(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def in_json(text: str) -> str:
    """JSON that means the same, and in which nothing commands a terminal."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def octets(value: bytes) -> str:
    r"""Bytes as DuckDB writes and reads them: what can be printed as it is, all else as ``\xFF``."""
    return _UNPRINTED.sub(lambda found: b"\\x%02X" % found[0][0], value).decode("ascii")


def harmless(text: str) -> str:
    """The text, with control characters and changes of direction written out; tabs and ends of lines stay."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
