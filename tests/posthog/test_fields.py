"""A time is the same in every notation in which it can come."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from taskhouse.posthog import fields

ZONES = st.just(UTC) | st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
NAIVE = st.datetimes(datetime(2000, 1, 2), datetime(2199, 12, 30))  # noqa: DTZ001 - the zone is drawn
TIMES = NAIVE | st.builds(lambda naive, zone: naive.replace(tzinfo=zone), NAIVE, ZONES)


@given(TIMES, st.sampled_from(["T", " "]), st.sampled_from(["auto", "seconds", "milliseconds"]), st.booleans())
def test_a_time_is_written_in_utc(drawn: datetime, between: str, precision: str, as_z: bool) -> None:  # noqa: FBT001
    text = drawn.isoformat(between, precision)
    written = text.replace("+00:00", "Z") if as_z else text
    assumed = datetime.fromisoformat(text)
    expected = (assumed if assumed.tzinfo else assumed.replace(tzinfo=UTC)).astimezone(UTC)
    assert fields.in_utc(written) == expected.isoformat()


NOTATIONS = (
    "2026-{0}8T1{0}:37:11.9Z 2026-{0}1-28T10:37Z 2026-{0}1-28T10:37:1{0},52Z 202611{0}8T10371{0}Z 2026-W4{0}-6T10Z "
    "2026-11-2{0}T10:37:11.123456789Z 2026-11-28T10:37:11+0{0}:00Z 2026-11-2{0}Z 2026-11-28T{0}4:00Z {0}999-01-01T0Z"
).split()


@given(st.sampled_from(NOTATIONS), st.integers(0, 9))
def test_what_is_no_time_stays_none(form: str, digit: int) -> None:
    text = form.format(digit)

    def plainly() -> str:
        instant = datetime.fromisoformat(text).astimezone(UTC)
        assert fields.EARLIEST <= instant < fields.LATEST
        return instant.isoformat()

    assert _or_none(lambda: fields.in_utc(text)) == _or_none(plainly)


def _or_none(read: Callable[[], str]) -> str | None:
    try:
        return read()
    except (ValueError, AssertionError):
        return None
