"""What can go wrong, grouped by what the caller should do.

    TaskhouseError
    ├── ConfigurationError   mend the settings, then start again (exit code 2)
    ├── Retryable            the same request may succeed later
    │   └── Throttled        … and not before ``retry_after_s``
    ├── Permanent            the same request will fail again
    │   ├── AccessDenied     key, scope or project
    │   ├── Refused          this one thing, for what it holds; the key may read others
    │   └── NotFound         it does not exist, or this key may not see it
    │       └── NoProject    … which is a project of the settings (exit code 2)
    ├── Contract             the server broke its word: an answer that cannot be read as documented
    ├── Incomplete           the work ended, but its completeness could not be proved (exit code 3)
    ├── Locked               somebody else holds the warehouse; names the holder
    │   └── Backwards        … or the clock is behind what was observed before
    ├── Full                 no room to keep what comes; capture stops before the disk is full
    └── Corrupt              a file of ours is damaged or gone; names it and where it was set aside

A message names the thing, the state and, in ``hint``, the command that mends it. It never holds a secret.
"""


class TaskhouseError(Exception):
    """Root of every error that taskhouse raises on purpose."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class ConfigurationError(TaskhouseError):
    """A setting is missing or makes no sense."""


class Retryable(TaskhouseError):
    """A transport failure or a server error: the same request may succeed later."""


class Throttled(Retryable):
    """The server refuses more requests for longer than a call is willing to wait."""

    def __init__(self, message: str, *, retry_after_s: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class Permanent(TaskhouseError):
    """The same request will fail again."""


class AccessDenied(Permanent):
    """The key is invalid, lacks a scope, or may not see the project.

    ``about_key`` says that the answer names the key. Otherwise it may be about the one thing that was asked for.
    """

    def __init__(self, message: str, *, hint: str = "", about_key: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.about_key = about_key


class Refused(Permanent):
    """This key may not read this one thing, and reads others: a state of the thing, which may pass."""


class NotFound(Permanent):
    """The thing does not exist, or this key may not see it: the API does not tell these apart."""


class NoProject(NotFound):
    """The project does not exist, or this key may not see it."""


class Contract(TaskhouseError):
    """The server's answer cannot be read as its contract says."""


class Incomplete(TaskhouseError):
    """The work ended without proof that it is complete."""


class Locked(TaskhouseError):
    """Another process holds what this one needs."""


class Backwards(Locked):
    """The clock is behind what was observed before."""


class Full(TaskhouseError):
    """There is no room to keep what comes."""


class Corrupt(TaskhouseError):
    """A file that taskhouse wrote does not hold what it held, or is gone."""


UNAVAILABLE = (Locked, Corrupt)
"""Why the warehouse cannot be had just now: capture goes on without it, and events wait in the spool."""
