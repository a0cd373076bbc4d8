"""An HTML document as a list of elements, read by the standard library's parser and not by the code under test."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset("meta link br img input hr path circle".split())
CLOSED_BY = {
    "td": {"td", "th", "tr"},
    "th": {"td", "th", "tr"},
    "tr": {"tr", "tbody", "thead"},
    "li": {"li"},
    "p": {"p", "td", "tr"},
}
"""An element that another one's beginning ends, where its own end is left out."""


@dataclass
class Element:
    """One element; ``parents`` are the names around it, from the outside in."""

    name: str
    attributes: dict[str, str]
    parents: tuple[str, ...]
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())


class Tree(HTMLParser):
    """``elements`` in the order in which they begin; each holds the text of everything inside it."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        while self._open and tag in CLOSED_BY.get(self._open[-1].name, set()):
            self._open.pop()
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(one.name for one in self._open))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if any(one.name == tag for one in self._open):
            while self._open.pop().name != tag:
                pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.parts.append(data)

    def all(self, name: str, **attributes: str) -> list[Element]:
        """Elements of a name, with these attributes (``class_`` for class)."""
        wanted = {key.rstrip("_"): value for key, value in attributes.items()}
        return [
            one
            for one in self.elements
            if one.name == name and all(one.attributes.get(key) == value for key, value in wanted.items())
        ]

    def texts(self, name: str, **attributes: str) -> list[str]:
        """The texts of these elements."""
        return [one.text for one in self.all(name, **attributes)]
