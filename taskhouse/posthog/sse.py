"""Server-sent events out of a stream of bytes, however it was cut into chunks.

The WHATWG rules, but for two: the id belongs to its frame and is not inherited (a keepalive must not look like an
event), and the data stays bytes. Lines end at CR, LF or CRLF and nowhere else: U+2028 and U+0085 are data. Every CR
ends a line, so it is turned into LF on entry and framing knows one line end only.
"""

from typing import NamedTuple

MAX_FRAME = 8 * 1024 * 1024
"""Largest frame in bytes: a legal event of 1 MB can grow to 3 MB on the wire (API facts 5.8)."""

_BOM = b"\xef\xbb\xbf"
_HEAD = 4096


class Frame(NamedTuple):
    """One event.

    Attributes:
        event: The name on its ``event:`` line; "" is the default, "message".
        id: Its own id; None when it carries none.
        data: The exact bytes of its ``data:`` lines, joined by LF.
    """

    event: str
    id: str | None
    data: bytes


class Oversize(NamedTuple):
    """A frame that was too large to keep: its id, if that stood among its first lines, and its size in bytes."""

    id: str | None
    size: int


class FrameDecoder:
    """Feed it chunks, get the frames that each one completes; a frame without an end is never given out."""

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._max = max_frame
        self._parts: list[bytes] = []
        self._size = 0
        self._carry = b""
        self._begun = False
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[Frame | Oversize]:
        """The frames that end in this chunk, in order."""
        chunk = self._lines(chunk)
        if not chunk:
            return []
        pieces = (self._carry + chunk if self._carry else chunk).split(b"\n\n")
        rest = pieces.pop()
        found: list[Frame | Oversize] = []
        if pieces and self._parts:
            self._hold(pieces[0])
            if self._size > self._max:
                found.append(self._oversize(b"".join(self._parts), self._size))
                del pieces[0]
            else:
                pieces[0] = b"".join(self._parts)
            self._parts, self._size = [], 0
        self._carry = b"\n" if rest.endswith(b"\n") else b""
        self._hold(rest.removesuffix(b"\n"))
        return self._frames(pieces, found)

    def _lines(self, chunk: bytes) -> bytes:
        """The chunk with LF for every line end, and without a byte order mark at the stream's start."""
        if not self._begun:
            chunk, self._carry = self._carry + chunk, b""
            if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
                self._carry = chunk
                return b""
            self._begun, chunk = True, chunk.removeprefix(_BOM)
        if self._after_cr and chunk:
            chunk, self._after_cr = chunk.removeprefix(b"\n"), False
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return chunk

    def _hold(self, part: bytes) -> None:
        """Keep a part of an unfinished frame; of one that is already too large, only its size."""
        if part:
            self._size += len(part)
            self._parts.append(part)
            if self._size > self._max:
                self._parts = [b"".join((*self._parts[:-1], part[:_HEAD]))[:_HEAD]]

    def _oversize(self, head: bytes, size: int) -> Oversize:
        lines = head[:_HEAD].split(b"\n")[:-1]
        return Oversize(_fields(lines)[1], size)

    def _frames(self, pieces: list[bytes], found: list[Frame | Oversize]) -> list[Frame | Oversize]:
        add, new, most = found.append, tuple.__new__, self._max
        for piece in pieces:
            if len(piece) > most:
                add(self._oversize(piece, len(piece)))
                continue
            cut = piece.find(b"\n")
            if piece.startswith(b"id: ") and piece.startswith(b"\ndata: ", cut) and piece.find(b"\n", cut + 1) < 0:
                own = piece[4:cut]
                add(new(Frame, ("", None if b"\0" in own else own.decode("utf-8", "replace"), piece[cut + 7 :])))
            elif (frame := _frame(piece)) is not None:
                add(frame)
        return found


def _frame(piece: bytes) -> Frame | None:
    event, own, data = _fields(piece.split(b"\n"))
    return Frame(event, own, b"\n".join(data)) if data else None


def _fields(lines: list[bytes]) -> tuple[str, str | None, list[bytes]]:
    """Event name, id and data lines of one frame's lines."""
    event, own, data = "", None, []
    for line in lines:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        elif name == b"event":
            event = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            own = value.decode("utf-8", "replace")
    return event, own, data
