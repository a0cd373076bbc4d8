"""The codes of gaps, each with words that its sentence contains."""

import re

from taskhouse.warehouse import gaps

WORDS = {
    "numbers_missing": "the agent's events ",
    "trim_announced": "announced a trim",
    "trim_suspected": "waiting.*may have been trimmed",
    "overrun": "came late, as many as a stream keeps",
    "last_event_gone": "no longer contained the last event",
    "id_reused": "another event came with the id",
    "stream_restarted": "started over",
    "stream_expired": "no longer existed while its run continued",
    "stream_not_read": "no longer existed before anything was read",
    "end_not_read": "no longer existed before its end was read",
    "read_too_late": "was not read for longer than the server keeps",
    "log_expired": "the log expired",
    "refused": r"was refused \(403\)",
    "not_found": r"was not found \(404\)",
    "undetermined": "could not be determined",
}


def agree(kind: str, how: str) -> bool:
    """Whether the code and the sentence of a gap say the same; no sentence fits two codes."""
    return [known for known in gaps.KINDS if re.search(WORDS[known], how)] == [kind]
