"""The windows in a sorted set of Redis (pyrate-limiter's bucket), stamped with the server's time.

The bucket takes the time of its client. So its script runs behind a few lines that put the server's time in the place
of it: the client sends 0, and bounds of windows relative to that. One script is one step of the server, so nobody holds
anything that others would wait for.
"""

import contextlib
from collections.abc import Iterator

from pyrate_limiter import RateItem
from pyrate_limiter.abstracts.algorithm import Decision
from pyrate_limiter.buckets.redis_bucket import LuaScript, RedisBucket

from taskhouse.posthog.budget import limits as spans
from taskhouse.posthog.budget.limits import Limits, Priority, Window
from taskhouse.posthog.budget.store import Unreachable

ANSWER_S = 3.0
KEEP_HOURS = 2
"""How long an unused set is kept."""

STAMP = f"""
local moment = redis.call('TIME')
local stamp = tonumber(moment[1]) * 1000 + math.floor(tonumber(moment[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', stamp - {{hour}}))
redis.call('ZREMRANGEBYSCORE', KEYS[1], string.format('(%.0f', stamp + {{minute}}), '+inf')
-- A clock that was set back by less stands still until it has caught up, so that no entry lies in the future.
local newest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if newest[2] and tonumber(newest[2]) > stamp then stamp = tonumber(newest[2]) end
redis.call('PEXPIRE', KEYS[1], {KEEP_HOURS} * {{hour}})
ARGV[1] = string.format('%.0f', stamp)
for place = 5, #ARGV, 3 do ARGV[place] = string.format('%.0f', stamp + tonumber(ARGV[place])) end
"""


class RedisWindows:
    """What all shards share."""

    def __init__(self, address: str, place: str, name: str, limits: Limits) -> None:
        from redis import Redis  # noqa: PLC0415 - an extra
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        self.place = place
        self._key = f"taskhouse:budget:{name}"
        self._limits = limits
        self._redis = Redis.from_url(
            address, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S, retry=Retry(NoBackoff(), 0)
        )
        self._script = ""

    def take(self, priority: Priority) -> float:
        """Take one request's room; 0 if there was some, otherwise the seconds until there may be."""
        with self._answering():
            if not self._script:
                stamp = STAMP.format(hour=spans.HOUR_MS, minute=spans.MINUTE_MS)
                self._script = self._redis.script_load(stamp + LuaScript.PUT_ITEM)
            bucket = RedisBucket(self._limits.rates(priority), self._redis, self._key, self._script)
            decision = bucket.put_decision(RateItem(priority.name, 0))
            if isinstance(decision, Decision) and decision.allowed:
                return 0.0
            moment = decision.retry_after_ms if isinstance(decision, Decision) else None
            return max((moment or 0) - self._now_ms(), 5) / 1000

    def peek(self) -> tuple[Window, ...]:
        """How full each window is, the minute first."""
        with self._answering():
            now = self._now_ms()
            minute, hour = (
                int(self._redis.zcount(self._key, now - span, "+inf")) for span in (spans.MINUTE_MS, spans.HOUR_MS)
            )
        return self._limits.windows(minute, hour)

    def doubt(self) -> str:
        """Why it may forget what was used: Redis keeps it in memory unless it is told otherwise."""
        with self._answering():
            kept, memory = self._redis.info("persistence"), self._redis.info("memory")
        if not kept.get("aof_enabled"):
            return "a restart of Redis forgets what was used in the last hour; set `appendonly yes`"
        if memory.get("maxmemory") and memory.get("maxmemory_policy") != "noeviction":
            return "Redis may evict what was used in the last hour; set `maxmemory-policy noeviction`"
        return ""

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _now_ms(self) -> int:
        seconds, micros = self._redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        from redis.exceptions import RedisError  # noqa: PLC0415 - an extra

        try:
            yield
        except (RedisError, OSError, ValueError) as problem:
            self._script = ""  # a server that was started again does not know it
            with contextlib.suppress(RedisError, OSError):
                self._redis.connection_pool.disconnect()
            raise Unreachable(type(problem).__name__) from None
