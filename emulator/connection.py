"""The TCP connection of a request, and how to break it off in the middle of an answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import Scope

TRANSPORT: Final = "emulator.transport"
"""The key in the scope under which the application stores the connection's transport."""
_SETTLE_TURNS: Final = 3


async def abort(scope: Scope) -> None:
    """Tear the TCP connection down with a reset, and let the server notice."""
    transport = scope[TRANSPORT]
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    for _ in range(_SETTLE_TURNS):
        await asyncio.sleep(0)


async def close(scope: Scope) -> None:
    """Close the TCP connection properly in the middle of an answer, and let the server notice."""
    scope[TRANSPORT].close()
    for _ in range(_SETTLE_TURNS):
        await asyncio.sleep(0)
