"""What a pass may claim: its doubts while it goes on, and its verdict."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from taskhouse.passes.verdict import Proof, Verdict


@dataclass(slots=True)
class Judgement:
    """The verdict as it stands. It is earned: until ``complete`` is called without a doubt, it is ``incomplete``.

    Attributes:
        doubts: Why the pass cannot be complete as things are, by what each is about.
        notes: What every verdict says besides its reason.
        interrupted: It ended by an error, not by its own judgement.
        proof: What a complete verdict rests on.
    """

    doubts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    verdict: Verdict = "incomplete"
    reason: str = "the pass did not finish"
    interrupted: bool = True
    proof: Proof | None = None

    def doubt(self, reason: str, *, about: str = "") -> None:
        """Something could not be proved: as things are, the pass cannot be complete.

        ``about`` names the thing, so that a later success can settle the doubt; a newer doubt takes its place.
        """
        self.doubts[about or reason] = reason

    def settle(self, about: str) -> None:
        """What was doubted about a thing is answered by later evidence."""
        self.doubts.pop(about, None)

    @contextlib.contextmanager
    def trying(self, about: str) -> Iterator[None]:
        """A block that does a thing again: if it ends well, only what it doubts itself still stands."""
        before = self.doubts.pop(about, None)
        try:
            yield
        except BaseException:
            if before is not None:
                self.doubts.setdefault(about, before)
            raise

    def note(self, text: str) -> None:
        """Something that every verdict says, whatever it is."""
        self.notes.append(text)

    def complete(self, reason: str, proof: Proof) -> bool:
        """Claim that everything that can be proved is proved; refused where there is doubt.

        Args:
            reason: What was proved, in words.
            proof: What the claim rests on.
        """
        if self.doubts:
            self.incomplete("; ".join(self.doubts.values()))
            return False
        self.verdict, self.reason, self.interrupted = "complete", "; ".join([reason, *self.notes]), False
        self.proof = proof
        return True

    def incomplete(self, reason: str, *, interrupted: bool = False) -> None:
        """The pass ended without proof: what would have closed it is not written."""
        reason = "; ".join([reason, *self.notes])
        self.verdict, self.reason, self.interrupted, self.proof = "incomplete", reason, interrupted, None
