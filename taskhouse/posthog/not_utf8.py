"""Texts of a record whose bytes are not UTF-8: what stands for them where they are kept, and their exact bytes.

Where a body is read, a byte that is no UTF-8 becomes a lone surrogate from U+DC80 to U+DCFF, and kept JSON writes that
as an escape. The same escape may come from the server, so the bytes themselves are kept as well.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_BYTE = re.compile("[\udc80-\udcff]")

REASON = "the record is kept; this text of it is not UTF-8, and these are its exact bytes in hexadecimal"


def texts(body: bytes, columns: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Of a record that is kept as these columns, the JSON pointer of each such text, and its bytes in hexadecimal."""
    try:
        body.decode()
    except UnicodeDecodeError:
        yield from _texts(json.loads(columns["payload"]) if "payload" in columns else dict(columns), "")


def escaped(text: bytes) -> str:
    """A text with an escape of JSON in place of each byte that is no UTF-8."""
    return _BYTE.sub(lambda found: f"\\u{ord(found[0]):x}", text.decode("utf-8", "surrogateescape"))


def _texts(value: Any, pointer: str) -> Iterator[tuple[str, bytes]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield from _texts(one, f"{pointer}/{name}")
    if isinstance(value, str) and _BYTE.search(value):
        parts = (
            bytes([ord(sign) - 0xDC00]) if _BYTE.match(sign) else sign.encode("utf-8", "surrogatepass")
            for sign in value
        )
        yield pointer, b"".join(parts).hex().encode()
