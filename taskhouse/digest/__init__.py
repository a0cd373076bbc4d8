"""The weekly report in at most twelve lines, for a chat or a mailbox; nothing if nothing happened.

``of`` makes it of a report, and ``gather`` of a snapshot; ``formats`` writes it as text, Markdown, Slack blocks or an
e-mail; ``send`` hands it to Apprise.
"""

from taskhouse.digest.build import gather, of
from taskhouse.digest.model import Digest, Line

__all__ = ["Digest", "Line", "gather", "of"]
