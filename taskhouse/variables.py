"""The names of the settings: what is read from the environment, and what looks as if it were meant to be."""

import logging
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from pydantic import ValidationError

from taskhouse.errors import ConfigurationError
from taskhouse.plural import plural

DEFAULT_HOST = "https://us.posthog.com"
OURS, POSTHOG = "TASKHOUSE_", "POSTHOG_"
_SHARED = {"host": "POSTHOG_HOST", "api_key": "POSTHOG_PERSONAL_API_KEY", "project_ids": "POSTHOG_PROJECT_IDS"}
_ALIKE = 0.6
"""How alike two names must be, prefix aside, for one to be meant by the other; 1 is the same."""

_MEANS_HOST = frozenset(
    f"{kind}{what}" for kind in ("", "API_", "BASE_", "SERVER_", "INSTANCE_") for what in ("URL", "ENDPOINT", "ORIGIN")
) | {"SERVER", "INSTANCE", "REGION", "DOMAIN"}
"""Names, prefix aside, that are not spelt like the host's and mean it."""

RETIRED = {
    "TASKHOUSE_REQUESTS_PER_MINUTE": "Set TASKHOUSE_REQUESTS_PER_HOUR: the limit per minute is a tenth of it.",
    "TASKHOUSE_MAX_WAIT_S": "A request waits up to 90 seconds if the server asks it to (Retry-After).",
    "TASKHOUSE_READINESS_LIMIT_S": "taskhouse waits up to 90 seconds for one readiness answer.",
    "TASKHOUSE_KEEP_PAGES_DAYS": "The ledger keeps pages that brought nothing new for 90 days.",
    "TASKHOUSE_SWEEP_SUMMARIES_HOURS": "Set TASKHOUSE_SWEEP_HOURS, in which every task is read at least once.",
    "TASKHOUSE_SWEEP_LIST_HOURS": "The whole list is read at least once in seven times TASKHOUSE_SWEEP_HOURS.",
    "TASKHOUSE_LOG_SETTLE_S": "The log of a run is read again 10 seconds after its end.",
    "TASKHOUSE_ACCEPT_VIEWER": "Set `TASKHOUSE_ACCEPT=viewer` for one sync.",
    "TASKHOUSE_ACCEPT_ABSENCES": "Set `TASKHOUSE_ACCEPT=absences` for one sync.",
    "TASKHOUSE_PASS_WAIT_S": "Set TASKHOUSE_LOCK_WAIT_S, which covers passes and the warehouse.",
    "TASKHOUSE_SPOOL_SEAL_S": "Captured events are loaded every 0.5 to 1.5 seconds.",
    "TASKHOUSE_SPOOL_SYNC_S": "Captured events are synced to disk every second.",
    "TASKHOUSE_SPOOL_MAX_GB": "The spool may grow until only TASKHOUSE_SPOOL_FREE_GB of disk space is left.",
    **{
        f"TASKHOUSE_{name.upper()}_CRON": f"Set the time of {name} in TASKHOUSE_CRONS."
        for name in (
            *("tasks", "repositories", "readiness", "runs", "run_events", "task_usage", "pinned"),
            *("published", "views", "maintenance"),
        )
    },
    "TASKHOUSE_PUBLISH_EVERY_S": "A copy is published at most every 5 minutes, a clone every 10 seconds.",
}
"""Variables that were settings once, and what holds now. Remove each one release after it came here."""


@dataclass(frozen=True, slots=True)
class Stray:
    """A variable that is set and that nothing reads.

    Attributes:
        name: As it is set.
        nearest: The documented name that is most like it; empty if none is.
        refused: Whether to go on would be wrong: the name can only be meant for taskhouse, or seems to say where the
            key goes, and nothing else says it.
    """

    name: str
    nearest: str
    refused: bool

    @property
    def instead(self) -> str:
        """What to do about it."""
        meant = f"Did you mean {self.nearest}? " if self.nearest else "Unset it. "
        if self.nearest == variable("host") and not self.name.upper().startswith(OURS):
            meant = f"Set {self.nearest}: without it the key would go to {DEFAULT_HOST}. "
        return f"{meant}docs/settings.md lists every setting."


def variable(field: str) -> str:
    """The one environment variable of a field of the settings."""
    return _SHARED.get(field, f"{OURS}{field.upper()}")


def look_for_broken_lines(file: Path) -> None:
    """Refuse a file of settings with a line that would be left out, such as one whose quote is not closed.

    Raises:
        ConfigurationError: There is one.
        OSError: The file cannot be read.
        UnicodeDecodeError: It is no text in UTF-8.
    """
    if not file.is_file():
        return
    from dotenv.parser import parse_stream  # noqa: PLC0415 - only where there is such a file

    with file.open(encoding="utf-8") as text:
        broken = [str(binding.original.line) for binding in parse_stream(text) if binding.error]
    if broken:
        raise ConfigurationError(
            f"The file {file.resolve()} contains something that is not a setting, in line {', '.join(broken)}.",
            hint="Write each line as NAME=value, with both quotes or no quotes.",
        )


def look_for_strays(filed: Mapping[str, str | None], documented: Collection[str], file: str) -> None:
    """Refuse, or tell of, variables that were meant for taskhouse and are not read.

    Args:
        filed: What a file sets, beside the environment.
        documented: The names of all settings.
        file: Its name.

    Raises:
        ConfigurationError: One was a setting once or can only be meant for taskhouse, or the key would go astray.
    """
    names = {*os.environ, *filed}
    if gone := sorted(name for name in names if name.upper() in RETIRED):
        held = " ".join(RETIRED[name.upper()] for name in gone)
        raise ConfigurationError(
            f"{plural(len(gone), 'This is', 'These are')} no longer {plural(len(gone), 'a setting', 'settings')}:"
            f" {', '.join(gone)}.",
            hint=f"{held} Remove {plural(len(gone), 'it', 'them')}; docs/settings.md lists every setting.",
        )
    found = list(strays(names, documented))
    for stray in found:
        where = "" if stray.name in os.environ else f" in {file}"
        if stray.refused:
            raise ConfigurationError(f"{stray.name} is set{where}, but is not a setting.", hint=stray.instead)
    for stray in found:
        logging.getLogger("taskhouse").warning(
            "taskhouse does not read %s; did you mean %s? docs/settings.md lists every setting.",
            stray.name,
            stray.nearest,
        )


def strays(names: Collection[str], documented: Collection[str]) -> Iterator[Stray]:
    """Names that are set and not read, in their order, where they seem to be meant for taskhouse.

    ``POSTHOG_…`` is everybody's: such a name is a stray only if it resembles a documented one that is not set. It is
    refused if that is the host and a key is set, which would go to the default host.
    """
    host, keyed = variable("host"), variable("api_key") in names
    for name in sorted(set(names) - set(documented)):
        upper = name.upper()
        if not upper.startswith((OURS, POSTHOG)):
            continue
        nearest = _nearest(upper, documented)
        astray = keyed and nearest == host and host not in names
        refused = astray or upper.startswith(OURS) or upper in documented
        if refused or (nearest and nearest not in names):
            yield Stray(name, nearest, refused)


def _nearest(name: str, documented: Collection[str]) -> str:
    if _bare(name) in _MEANS_HOST:
        return variable("host")
    alike = {each: SequenceMatcher(None, _bare(name), _bare(each)).ratio() for each in documented}
    best = max(documented, key=lambda each: (alike[each], each))
    return best if alike[best] >= _ALIKE else ""


def _bare(name: str) -> str:
    return name.removeprefix(OURS).removeprefix(POSTHOG)


def wrong(problem: ValidationError) -> dict[str, str]:
    """What is wrong with the value of each variable, as the rest of a sentence."""
    found = [(each["loc"], each["type"], each["msg"]) for each in problem.errors(include_input=False)]
    return {str(loc[0]): (_PARTS.get(kind) if loc[1:] else None) or _said(kind, text) for loc, kind, text in found}


_PARTS = {
    "string_type": "must contain only texts",
    **dict.fromkeys(("int_parsing", "int_from_float", "int_type"), "must contain only whole numbers"),
}
"""What is wrong with a list or mapping because of one of its values."""

_NUMBERS = {
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
}


def _said(kind: str, message: str) -> str:
    """What is wrong with a value, as the rest of a sentence; never the value itself."""
    if kind in _NUMBERS:
        return _NUMBERS[kind]
    if kind == "bool_parsing":
        return "must be true or false"
    if kind == "string_pattern_mismatch":
        return "must be lower-case letters, digits and underscores, with a letter first"
    return message.removeprefix("Value error, ").replace("Input should be", "must be")
