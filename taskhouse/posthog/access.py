"""What a 403 is about: the key, or one run that this key may not read.

A bad key, a missing scope and a run that is refused for its content all answer 403 (API facts 1.4, 9.1). Two codes name
the key. ``permission_denied`` names nobody: it is about the run if the same key may list the tasks of the project.
"""

import asyncio
from collections.abc import Awaitable, Callable

from taskhouse.clock import REAL, Clock
from taskhouse.errors import AccessDenied, Contract, NotFound, Permanent, Refused, Retryable

REMEMBER_S = 60.0
"""For how long a successful list of tasks proves that the key is valid, so that many refused runs cost one request."""


class Access:
    """What is known of the key of one process, by project."""

    def __init__(self, clock: Clock = REAL) -> None:
        self._clock = clock
        self._good_until: dict[int | str, float] = {}
        self._lock = asyncio.Lock()

    async def about(
        self, denied: AccessDenied, project_id: int | str, list_tasks: Callable[[], Awaitable[object]]
    ) -> AccessDenied | Refused:
        """The same refusal: as ``Refused`` if the key may list the project's tasks.

        Args:
            denied: What one thing of the project was answered.
            project_id: The project.
            list_tasks: Asks for one row of the project's list of tasks.

        Raises:
            Retryable: The list could not be asked for, so the refusal may be about either.
        """
        if denied.about_key:
            return denied
        async with self._lock:
            if self._clock.monotonic() >= self._good_until.get(project_id, 0.0):
                try:
                    await list_tasks()
                except AccessDenied as key:
                    return key
                except NotFound:
                    return denied
                except (Retryable, Contract, Permanent) as unclear:
                    raise Retryable(
                        f"{denied.message} It is not known whether the key is the cause: {unclear.message}"
                    ) from None
                self._good_until[project_id] = self._clock.monotonic() + REMEMBER_S
        return Refused(denied.message, hint="The key may read others of the project.")
