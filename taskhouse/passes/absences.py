"""Which number of absences at once is plausible, for every list that is read whole."""

from taskhouse.passes.context import Context

ABSENT_SHARE = 0.2
ABSENT_ANYWAY = 20
"""More absences than this share of what was present, and than this number, make the pass incomplete."""

ACCEPT = "if they were really removed, set TASKHOUSE_ACCEPT=absences for one sync"


def plausible(context: Context, absent: int, present: int) -> bool:
    """Whether this many absences at once are plausible; if the view changed unnoticed, there are very many."""
    return "absences" in context.settings.accept or absent <= max(ABSENT_ANYWAY, present * ABSENT_SHARE)
