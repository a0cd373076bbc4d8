"""The weekly report in at most twelve lines, for a chat or a mailbox; nothing if nothing happened.

``gather`` makes it of the same numbers as the report; ``formats`` writes it as text, Markdown, Slack blocks or an
e-mail; ``send`` hands it to Apprise.
"""

from taskhouse.digest.build import gather
from taskhouse.digest.model import Digest, Line

__all__ = ["Digest", "Line", "gather"]
