"""What the acts of one run share: names, identities, text to speak and running counts."""

import uuid
from random import Random
from typing import Final

from taskhouse.emulator.script.event_writer import pieces_of
from taskhouse.emulator.script.step import Json, Piece, RunSpec
from taskhouse.emulator.script.words import FILES, NASTY, OUTPUT_LINES, SENTENCES, SYMBOLS, THOUGHTS

NASTY_RATE: Final = 0.012
_REDACTED_RATE: Final = 0.004
_REDACTED: Final[list[Piece]] = [
    ("the key [REDACTED] ", '"the key sk-"'),
    ("is set ", '"[REDACTED] is set "'),
]
"""A secret that the agent cut out of what it said: log and stream cut it otherwise, and do not agree."""
_BIG_OUTPUT_RATE: Final = 0.07


class Scene:
    """The stage of one run; all chance comes from ``rng``."""

    def __init__(self, spec: RunSpec, rng: Random) -> None:
        self.spec = spec
        self.rng = rng
        self.claude = spec.adapter == "claude"
        self.session_id = f"sess_{rng.getrandbits(40):010x}"
        usual = {"claude": "claude-opus-4-8", "codex": "gpt-5.5-codex", "pi": "claude-sonnet-5"}[spec.adapter]
        self.model = spec.model or usual
        self.cwd = f"/workspace/repos/{spec.repository}"
        self.window = rng.choice((200_000, 200_000, 1_000_000))
        self.used = rng.randint(14_000, 26_000)
        self.cost = 0.0
        self.tokens: dict[str, int] = dict.fromkeys(
            ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "thought_tokens"), 0
        )
        self.turns = 0
        self.calls = 0
        self.plan_done = 0
        self.checkpoints = 0
        self.products: list[Json] = []
        self._speech = [self._spoken(text) for text in rng.sample(SENTENCES, 12)]
        self._thinking = [self._spoken(text) for text in rng.sample(THOUGHTS, 4)]
        self._nasty = [pieces_of([text]) for text in NASTY]
        self._lines: list[str] = []

    def _spoken(self, template: str) -> list[Piece]:
        rng = self.rng
        text = template.format(file=rng.choice(FILES), symbol=rng.choice(SYMBOLS), n=rng.randint(2, 90))
        words = f"{text.rstrip()} ".split(" ")
        groups: list[str] = []
        at = 0
        while at < len(words) - 1:
            size = rng.choice((1, 2, 2, 3, 4))
            groups.append(" ".join(words[at : min(at + size, len(words) - 1)]) + " ")
            at += size
        return pieces_of(groups)

    def _speak(self, pool: list[list[Piece]], count: int) -> list[Piece]:
        said: list[Piece] = []
        random = self.rng.random
        while len(said) < count:
            if self.spec.october and random() < _REDACTED_RATE:
                said += _REDACTED
            nasty = random() < NASTY_RATE
            said += self._nasty[int(random() * len(self._nasty))] if nasty else pool[int(random() * len(pool))]
        return said

    def speech(self, count: int) -> list[Piece]:
        """About ``count`` groups of tokens, whole sentences."""
        return self._speak(self._speech, count)

    def thinking(self, count: int) -> list[Piece]:
        """About ``count`` groups of thought; now and then an empty one, which only the live stream carries."""
        said = self._speak(self._thinking, count)
        if self.rng.random() < 0.3:  # noqa: PLR2004
            said.append(("", '""'))
        return said

    def uuid(self) -> str:
        """A random id of the run's own chance."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def tool_call_id(self) -> str:
        """The next tool call's id in the adapter's manner."""
        self.calls += 1
        return f"toolu_01{self.rng.getrandbits(64):016X}" if self.claude else f"call_{self.rng.getrandbits(64):016x}"

    def output(self) -> str:
        """What a command prints: mostly a few lines, sometimes tens of KB."""
        rng = self.rng
        if not self._lines:
            self._lines = [
                *OUTPUT_LINES,
                *(f"{n:>6}\t{line}" for n, line in enumerate(OUTPUT_LINES, rng.randint(1, 900))),
            ]
        big = rng.random() < _BIG_OUTPUT_RATE
        count = rng.randint(250, 1100) if big else int(rng.expovariate(1 / 14)) + 1
        text = "".join(rng.choices(self._lines, k=count))
        return f"{text}{rng.choice(NASTY)}" if rng.random() < NASTY_RATE else text
