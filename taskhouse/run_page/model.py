"""A run as its page shows it: what is known of it, and its steps in order. Plain values; texts are not cleaned yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]

BRIEF = 80
"""Characters up to which an argument of a tool call shares a line with others."""


@dataclass
class Step:
    """One thing that happened.

    Attributes:
        ordinal: Its place in ``run_timeline``.
        at: When, in milliseconds since 1970; None if nothing says so.
        number: Its place on the page, from 1; 0 until it has one.
    """

    ordinal: int
    at: int | None
    number: int = field(default=0, kw_only=True)

    @property
    def matters(self) -> bool:
        """Whether it stays on the page of a run that is too large to be shown whole."""
        return True

    def texts(self) -> Iterator[str]:
        """Its long texts, which may be cut."""
        return iter(())


@dataclass
class Message(Step):
    """What somebody said. ``role`` is ``agent``, ``thought`` or ``user``; the text of a hidden one is empty."""

    role: str
    text: str
    characters: int
    hidden: bool = False

    @property
    def matters(self) -> bool:
        """What users said stays."""
        return self.role == "user"

    def texts(self) -> Iterator[str]:
        """The text."""
        yield self.text


@dataclass
class Diff:
    """A change of a file, as unified lines (``+``, ``-``, `` `` or ``@@``); ``new`` if it was not there before."""

    path: str
    text: str
    added: int
    removed: int
    new: bool = False


@dataclass
class Call(Step):
    """A tool call with everything that its updates say.

    Attributes:
        call: Its row of ``tool_calls``.
        arguments: Names and values of its input, without what the summary or a diff shows.
        output: What it gave back.
        diffs: Changes of files.
        enclosed: Pictures and files that it gave back, which are named and not shown.
        hidden: Whether its texts were not kept.
        unread: Bytes of updates that are too large to be read for a page.
        depth: 1 if a sub-agent made it.
    """

    call: Row
    title: str
    arguments: Sequence[tuple[str, str]] = ()
    output: str = ""
    diffs: Sequence[Diff] = ()
    enclosed: Sequence[str] = ()
    hidden: bool = False
    unread: int = 0
    depth: int = 0

    @property
    def tool(self) -> str:
        """The agent's name of the tool, or its kind."""
        return str(self.call["tool_name"] or self.call["kind"] or "tool")

    @property
    def failed(self) -> bool:
        """Whether it failed, or its output reports an error."""
        return bool(self.call["is_error"]) or self.call["status"] == "failed"

    @property
    def brief(self) -> list[tuple[str, str]]:
        """Arguments that share a line."""
        return [(name, value) for name, value in self.arguments if len(value) <= BRIEF and "\n" not in value]

    @property
    def preview(self) -> str:
        """What stands for a title that only repeats the tool's name."""
        return self.arguments[0][1] if self.arguments else ""

    @property
    def matters(self) -> bool:
        """Failures and questions stay."""
        return self.failed or bool(self.call["permission_asked"])

    def texts(self) -> Iterator[str]:
        """Arguments, output and changes."""
        for _, value in self.arguments:
            yield value
        yield self.output
        for diff in self.diffs:
            yield diff.text


@dataclass
class Plan(Step):
    """The agent's plan: each entry with its status."""

    entries: Sequence[tuple[str, str]]

    @property
    def matters(self) -> bool:
        """Plans may go."""
        return False


@dataclass
class Question(Step):
    """A permission that the user was asked for."""

    call_id: str
    title: str
    options: Sequence[str]
    decision: str | None
    wait_s: float | None
    command: str = ""

    def texts(self) -> Iterator[str]:
        """What was asked for."""
        yield self.command


@dataclass
class Note(Step):
    """Anything else.

    Attributes:
        label: What it is.
        text: What it says.
        tone: ``quiet``, ``plain``, ``good`` or ``bad``; quiet ones are folded together.
        command: What a user ran.
        status: The state of the run from here on, if it says one.
    """

    label: str
    text: str = ""
    tone: str = "plain"
    command: str = ""
    status: str | None = None

    @property
    def matters(self) -> bool:
        """States and errors stay."""
        return self.tone in {"good", "bad"}

    def texts(self) -> Iterator[str]:
        """The text."""
        yield self.text


@dataclass
class Gap(Step):
    """Events that are missing here, or may be."""

    kind: str | None
    how: str
    certain: bool
    repaired: bool


@dataclass
class Attempt(Step):
    """The beginning of an attempt: its row of ``run_attempts``."""

    row: Row


@dataclass
class Fold(Step):
    """Steps that take one line together: ``quiet`` ones that can be opened, or steps that are left out."""

    steps: Sequence[Step]
    left_out: bool = False

    def texts(self) -> Iterator[str]:
        """The texts of its steps."""
        for step in self.steps:
            yield from step.texts()


@dataclass(frozen=True)
class Run:
    """Everything that a page shows of one run."""

    row: Row
    task: Row
    attempts: Sequence[Row]
    totals: Row
    usage: Sequence[Row]
    steps: Sequence[Step]
    hidden: bool
    """Whether texts of it were not kept (``capture_text = none``)."""

    @property
    def title(self) -> str:
        """The title of its task; its id if it has none."""
        return str(self.task["title"] or f"Run {self.row['run_id']}")

    def of(self, kind: type[Step]) -> list[Any]:
        """Its steps of one kind, those in folds included."""
        return [step for step in flat(self.steps) if isinstance(step, kind)]


def flat(steps: Sequence[Step]) -> Iterator[Step]:
    """Steps, with those in folds in the place of the folds."""
    for step in steps:
        if isinstance(step, Fold):
            yield from step.steps
        else:
            yield step
