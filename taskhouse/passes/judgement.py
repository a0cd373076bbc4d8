"""What a pass may claim: its doubts while it runs, and its verdict."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from taskhouse.passes.verdict import REASON_CODES, Doubt, Proof, ReasonCode, Verdict


@dataclass(slots=True)
class Judgement:
    """The verdict so far: ``incomplete`` until ``complete`` is called and there is no doubt.

    Attributes:
        doubts: Why the pass cannot be complete at present, by subject.
        notes: What every verdict says besides its claim.
        claim: What was proved, or why it could not be, in words.
        interrupted: Whether an error ended the pass.
        proof: What a complete verdict is based on.
        code: The most serious reason of an incomplete verdict; None for a complete one.
    """

    doubts: dict[str, Doubt] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    verdict: Verdict = "incomplete"
    claim: str = "the pass did not finish"
    interrupted: bool = True
    proof: Proof | None = None
    code: ReasonCode | None = "interrupted"

    @property
    def reason(self) -> str:
        """The claim and the notes, as the ledger has them."""
        return "; ".join([self.claim, *self.notes])

    def doubt(self, code: ReasonCode, reason: str, *, about: str = "") -> None:
        """Record that something could not be proved, so that the pass cannot be complete at present.

        ``about`` names the subject, so that a later success can settle the doubt; a newer doubt replaces it.
        """
        self.doubts[about or reason] = Doubt(code, reason)

    def settle(self, about: str) -> None:
        """Remove the doubt about a subject, because later evidence has settled it."""
        self.doubts.pop(about, None)

    @contextlib.contextmanager
    def trying(self, about: str) -> Iterator[None]:
        """A block that tries a subject again: if it succeeds, only the doubts that it records itself remain."""
        before = self.doubts.pop(about, None)
        try:
            yield
        except BaseException:
            if before is not None:
                self.doubts.setdefault(about, before)
            raise

    def note(self, text: str) -> None:
        """Add something that the verdict says, whether it is complete or not."""
        self.notes.append(text)

    def complete(self, reason: str, proof: Proof) -> bool:
        """Claim that everything that can be proved is proved; refused if there is a doubt.

        Args:
            reason: What was proved, in words.
            proof: What the claim is based on.
        """
        if self.doubts:
            self.incomplete(self.doubted())
            return False
        self.verdict, self.claim, self.interrupted = "complete", reason, False
        self.code, self.proof = None, proof
        return True

    def doubted(self) -> Doubt:
        """All doubts as one, with the code of the most serious."""
        code = min((doubt.code for doubt in self.doubts.values()), key=REASON_CODES.index)
        return Doubt(code, "; ".join(doubt.reason for doubt in self.doubts.values()))

    def incomplete(self, doubt: Doubt, *, interrupted: bool = False) -> None:
        """Record that the pass ended without proof, so that nothing that depends on the proof is written."""
        self.verdict, self.claim, self.code = "incomplete", doubt.reason, doubt.code
        self.interrupted, self.proof = interrupted, None
