"""What a soak found."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Result:
    """How it went, in figures, and what was wrong."""

    figures: dict[str, object] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
