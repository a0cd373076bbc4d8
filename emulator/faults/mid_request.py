"""Faults of time: what changes in the world between two requests of a client that takes them for one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskhouse.emulator.api.auth import VIEWER
from taskhouse.emulator.mutations import mutate as change

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from taskhouse.emulator.faults.fault import App, Fault


async def viewer(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Let the key be ``user_id``'s (2): another view of the project, or none for one who is no member."""
    await app({**scope, VIEWER: fault.number("user_id", 2)}, receive, send)


async def mutate(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Do a mutation (``action`` and its parameters) just before the request is answered."""
    change(scope["app"].service, fault.parameters)
    await app(scope, receive, send)
