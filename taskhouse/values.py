"""The values of settings: how each is read from text, and what makes sense; an error repeats no value."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from taskhouse import cron
from taskhouse.pages import links
from taskhouse.resources.registry import RESOURCES

KEY = re.compile(r"ph[a-z]_", re.IGNORECASE)
"""How a key of PostHog begins, also one that somebody wrote in capitals."""

_LIKE_A_KEY = re.compile(r"(?<![a-z0-9])ph[a-z]_(?=[a-z]*[0-9])[a-z0-9]{10,}", re.IGNORECASE)
"""A whole key in a text that may hold anything; `team:php_developers` is none."""

_SHOWN = re.compile(r"[\w.@:/+% -]{1,40}")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
CLOUD = frozenset({"https://us.posthog.com", "https://eu.posthog.com"})
"""The regions of PostHog Cloud."""

PREFIX = r"^([a-z][a-z0-9_]*)?$"
"""What may stand before the names of all assets."""

SHARD = r"^([a-z][a-z0-9_]{0,30})?$"
"""What a shard may be called: its name is part of the name of a table."""

CRONS: Mapping[str, str] = {
    **{name: resource.cron for name, resource in RESOURCES.items()},
    "published": "4-59/5 * * * *",
    "views": "13 * * * *",
    "maintenance": "41 3 * * *",
    "digest": "0 8 * * 1",
    "site": "23 * * * *",
}
"""When each schedule runs by default: of the frequent ones, tasks come first, then runs, run events and the copy."""

NEEDS: Mapping[str, str] = {"digest": "notify", "site": "site"}
"""Schedules that exist only if a setting is set."""

_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[\w.=-]+)+)/?", re.ASCII)
"""A bucket and a prefix in it, without the characters that mean something in a pattern or a URL."""

_BUDGET = re.compile(r"(postgresql|postgres|rediss?)://([^@/?#\s]*@)?[\w.\-]*(:\d{1,5})?(/[^@\s]*)?")
_CRONS = "must be cron expressions by schedule, such as tasks=*/15 * * * *;views=0 6 * * *"
_OVERRIDES = "must be windows by repository, such as org/a=7,30;org/b="
_KEPT = "must be comma-separated numbers of events, such as 5000"
_IDS = "must be comma-separated ids, such as 1,2"
_DIGITS = 18
"""Of the longest number in a list: every number with this many digits is a BIGINT."""


def shown(text: str) -> str:
    """A text that somebody wrote, as an error names it; one that could hold a key is not repeated."""
    if not text:
        return "an empty text"
    return f"`{text}`" if _SHOWN.fullmatch(text) and not KEY.search(text) else "a text that is not shown here"


def like_a_key(text: str) -> bool:
    """Whether a text seems to contain a key of PostHog."""
    return bool(_LIKE_A_KEY.search(text))


def positive(number: int) -> bool:
    """Whether a number can be the id of a project."""
    return number > 0 and len(str(number)) <= _DIGITS


def numbers(text: str, allowed: str) -> tuple[int, ...]:
    """Comma-separated whole numbers; the error says what is allowed and never what was there."""
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if not all(part.isascii() and part.isdigit() and len(part) <= _DIGITS for part in parts):
        raise ValueError(allowed)
    return tuple(map(int, parts))


def pairs(text: str, allowed: str) -> dict[str, str]:
    """Names and their values, as in ``a=1;b=2``; the error says what is allowed and never what was there."""
    parts = [part.partition("=") for part in text.split(";") if part.strip()]
    if not all(sign for _, sign, _ in parts):
        raise ValueError(allowed)
    return {name.strip(): value.strip() for name, _, value in parts}


def _from_text(read: Callable[[str], object]) -> BeforeValidator:
    """Read a text as the environment has it; a value that a caller gives stays."""
    return BeforeValidator(lambda value: read(value) if isinstance(value, str) else value)


def origin(value: str) -> str:
    """The origin of a server; the error never repeats the text."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("must be an origin such as https://eu.posthog.com") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an origin such as https://eu.posthog.com")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("must use https, because others could read a key that is sent over http")
    if "@" in parts.netloc or like_a_key(parts.netloc):
        raise ValueError("must not contain credentials")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("must not have a path, query or fragment, as in https://eu.posthog.com")
    return f"{parts.scheme}://{parts.netloc}"


def _page(value: str) -> str:
    if value and links.safe(value) is None:
        raise ValueError("must be the address of a page, such as https://example.com/report.html")
    return value


def _addresses(value: SecretStr | None) -> SecretStr | None:
    """A key in an address would reach another host."""
    for text in value.get_secret_value().split() if value else ():
        if not re.match(r"[a-z][a-z0-9]{1,15}://", text) or KEY.search(text):
            raise ValueError("must be addresses such as slack://…, separated by spaces, without a key of PostHog")
    return value


def _budget(value: SecretStr | None) -> SecretStr | None:
    """An address whose parts every client reads alike: `@` or `/` in a password would end up in a name of a host."""
    text = value.get_secret_value() if value else ""
    if text and (not _BUDGET.fullmatch(text) or KEY.search(text)):
        raise ValueError(
            "must be an address such as postgresql://user:password@host/database or redis://host:6379/0, with the"
            " special characters of the password as in %40"
        )
    return value


def lake_address(text: str) -> None:
    """Look if a text is the address of a catalogue; a DuckDB file as catalogue would lock out every other process."""
    if not re.match(r"ducklake:(postgres|sqlite):\S", text):
        raise ValueError("must look like ducklake:postgres:dbname=lake or ducklake:sqlite:/srv/lake.sqlite")


def _lake(value: SecretStr | None) -> SecretStr | None:
    if value is None or not value.get_secret_value():
        return None
    lake_address(value.get_secret_value())
    return value


@dataclass(frozen=True, slots=True)
class Bucket:
    """A place in object storage; its text is ``s3://NAME/PREFIX``.

    Attributes:
        name: The name of the bucket.
        prefix: What the names of its objects begin with, without ``/`` at either end; all of them are the lake's.
    """

    name: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}"


def folder_or_bucket(value: object) -> Path | Bucket | None:
    """A folder or a bucket as a person names it; the error never repeats the text."""
    if isinstance(value, Bucket) or not isinstance(value, str) or "://" not in value:
        return value if isinstance(value, Bucket) else _folder_or_none(value)
    found = _BUCKET.fullmatch(value.strip())
    if found is None or {".", ".."} & set(found[2].split("/")):
        raise ValueError(
            "must be a folder, or a bucket and a prefix of letters, digits and ._-=/ such as s3://bucket/prefix"
        )
    return Bucket(found[1], found[2].strip("/"))


def _path(value: object) -> Path | None:
    """A path as a person names it, None if it is none."""
    found = os.path.expanduser(str(value).strip())  # noqa: PTH111 - Path makes the current folder of no name
    try:
        named = bool(os.fsencode(found))
    except UnicodeEncodeError:  # half a character
        named = False
    wrong = not named or "\0" in found or (found.startswith("~") and isinstance(value, str))
    return None if wrong else Path(found)


def folder(value: object) -> Path:
    """A folder as a person names it; the error never repeats the text."""
    found = _path(value)
    if found is None:
        raise ValueError("must name a folder, such as .taskhouse")
    return found


def _folder_or_none(value: object) -> Path | None:
    """A folder that need not be named."""
    return None if value is None or value == "" else folder(value)


def file(value: object) -> Path:
    """A file as a person names it; the error never repeats the text."""
    found = _path(value)
    if found is None:
        raise ValueError("must name a file, such as taskhouse.toml")
    return found


def _bounded(value: tuple[int, ...]) -> tuple[int, ...]:
    if any(not 1 <= days <= 30 for days in value):  # noqa: PLR2004 - the server's own bounds
        raise ValueError("must contain only windows of 1 to 30 days")
    return tuple(sorted(set(value)))


def _ids(value: tuple[int, ...]) -> tuple[int, ...]:
    if not all(map(positive, value)):
        raise ValueError(_IDS)
    return tuple(dict.fromkeys(value))


def _windows(value: tuple[int, ...]) -> tuple[int, ...]:
    if not value:
        raise ValueError("must contain at least one window")
    return _bounded(value)


def _overrides(value: Mapping[str, tuple[int, ...]]) -> Mapping[str, tuple[int, ...]]:
    return {name.lower(): _bounded(days) for name, days in value.items()}


def _kept(value: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if value is not None and (not value or min(value) < 1):
        raise ValueError("must be comma-separated numbers of events, such as 5000")
    return value


def known_times(value: Mapping[str, str]) -> Mapping[str, str]:
    """Times of schedules that exist."""
    if strange := [name for name in value if name not in CRONS]:
        raise ValueError(f"names {shown(strange[0])}, which is not a schedule; the schedules are {', '.join(CRONS)}")
    for name, expression in value.items():
        if wrong := cron.wrong(expression):
            raise ValueError(f"has a wrong time for {name}: it {wrong}")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):  # a folder of zones, a path, or nothing of that name
        raise ValueError("must be the name of a time zone, such as UTC or Europe/Berlin") from None
    return value


Origin = Annotated[str, AfterValidator(origin)]
Addresses = Annotated[SecretStr | None, AfterValidator(_addresses)]
BudgetAddress = Annotated[SecretStr | None, AfterValidator(_budget)]
LakeAddress = Annotated[SecretStr | None, AfterValidator(_lake)]
Page = Annotated[str, AfterValidator(_page)]
Folder = Annotated[Path, BeforeValidator(folder)]
OptionalFolder = Annotated[Path | None, BeforeValidator(_folder_or_none)]
OptionalFolderOrBucket = Annotated[Path | Bucket | None, BeforeValidator(folder_or_bucket)]
File = Annotated[Path, BeforeValidator(file)]
Zone = Annotated[str, AfterValidator(_zone)]
Ids = Annotated[
    tuple[int, ...],
    NoDecode,
    _from_text(lambda text: numbers(text, _IDS)),
    AfterValidator(_ids),
]
Windows = Annotated[
    tuple[int, ...],
    NoDecode,
    _from_text(lambda text: numbers(text, "must be comma-separated days, each 1 to 30")),
    AfterValidator(_windows),
]
Overrides = Annotated[
    Mapping[str, tuple[int, ...]],
    NoDecode,
    _from_text(lambda text: {name: numbers(days, _OVERRIDES) for name, days in pairs(text, _OVERRIDES).items()}),
    AfterValidator(_overrides),
]
StreamWindows = Annotated[
    tuple[int, ...] | None, NoDecode, _from_text(lambda text: numbers(text, _KEPT)), AfterValidator(_kept)
]
Crons = Annotated[
    Mapping[str, str], NoDecode, _from_text(lambda text: pairs(text, _CRONS)), AfterValidator(known_times)
]
Accepted = Annotated[
    tuple[Literal["viewer", "absences"], ...],
    NoDecode,
    _from_text(lambda text: tuple(filter(None, map(str.strip, text.split(","))))),
]
