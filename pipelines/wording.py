"""How a text names the settings: the engine knows variables and commands, the reader of a component its attributes.

A text of the engine names a setting by its variable, as a bare word, and a command in backticks. So for a component it
is enough to replace the words outside of backticks, and to say what a command needs after a sentence that names one. A
reason is a part of a sentence, and the hint beside it says what commands need. A test reads every text.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from taskhouse.resources.registry import OPTIONAL
from taskhouse.variables import variable

ATTRIBUTES = {
    **{variable(name): name for name in ("host", "api_key", "home", "directory", "schedules", "crons")},
    variable("project_ids"): "projects",
    variable("asset_prefix"): "prefix",
    **{variable(name): "optional_resources" for name in OPTIONAL},
}
"""The attribute that a person sets in place of each variable."""

_SPAN = re.compile(r"(`[^`]*`)")
_NAMED = re.compile(rf"\b(?:{'|'.join(ATTRIBUTES)})\b")
_COMMAND = "`taskhouse "
_BEFORE = " Before that, `export "


@dataclass(frozen=True, slots=True)
class Wording:
    """The words for the readers of one component.

    Attributes:
        names: What stands in place of each variable.
        exports: The variables that a command needs, as a shell takes them.
    """

    names: Mapping[str, str]
    exports: str

    @classmethod
    def of(cls, where: str, key: str, values: Mapping[str, str]) -> "Wording":
        """The words of a component.

        Args:
            where: Its name for people.
            key: The variable that holds its key.
            values: Values by field of the settings, as their variables would have them; the key is not among them.
        """
        names = {name: f"`{attribute}` of {where}" for name, attribute in ATTRIBUTES.items()}
        names |= {variable(name): f"`{name}` in `optional_resources` of {where}" for name in OPTIONAL}
        exports = [f"{variable(name)}={shlex.quote(value)}" for name, value in values.items()]
        return cls({**names, variable("api_key"): key}, " ".join([*exports, f'{variable("api_key")}="${key}"']))

    def reworded(self, text: str) -> str:
        """A text of the engine in these words."""
        parts = _SPAN.split(text)
        parts[::2] = [_NAMED.sub(lambda found: self.names.get(found[0], found[0]), part) for part in parts[::2]]
        sentence = _COMMAND in text and text.endswith(".") and _BEFORE not in text
        return "".join(parts) + (f"{_BEFORE}{self.exports}`." if sentence else "")
