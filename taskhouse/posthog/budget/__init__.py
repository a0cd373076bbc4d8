"""The one request budget of a key, shared by every process on this machine, or by every shard.

The server allows a key 480 requests a minute and 4,800 an hour over all endpoints together (API facts 1.6). Streams,
logs, polling and sweeps draw on that one purse, so each class of request has a *ceiling*: the share of both windows
that may be full, regardless of which class filled them, for the class still to be served. What lies above a class's
ceiling is reserved for the classes above it.

================  =======  ==========================================================================
class             ceiling  what it is
================  =======  ==========================================================================
``LIVE``             100%  opening and resuming run streams: events not read now may be gone for ever
``LOG``               85%  logs, which expire after 30 days
``CHANGES``           75%  tasks and runs that change now
``READINESS``         60%  the day's readiness answers
``SWEEP``             45%  slow full passes, which can wait
``FIRST``             35%  the first load of runs and logs, which takes days beside all others
================  =======  ==========================================================================

On one machine the windows live in SQLite under a file lock (pyrate-limiter's bucket), stamped with the time of day, so
they survive restarts. Shards on several machines share those of PostgreSQL or Redis, stamped with the time of that
server. They give out nine tenths of the limits. The last tenth is for shards that cannot reach the server: each of them
uses its own equal part of it, so the limits hold regardless of which machines are cut off, and since when, in every
window.

The server's 429 stays the truth: others may use the key.
"""

from taskhouse.posthog.budget.budget import Budget
from taskhouse.posthog.budget.key_windows import KeyWindows
from taskhouse.posthog.budget.limits import Priority, Window, fingerprint, rates

__all__ = ["Budget", "KeyWindows", "Priority", "Window", "fingerprint", "rates"]
