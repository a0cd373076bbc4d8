"""Badges: SVG that any viewer reads, with any text in the names."""

from xml.etree import ElementTree as ET  # what is read was made here

from hypothesis import example, given
from hypothesis import strategies as st

from taskhouse.pages.badge import COLOURS, badge


@example("\ufffe\uffff\x01", "<&\"'>")
@given(st.text(), st.one_of(st.none(), st.sampled_from([*COLOURS, "new_state"]), st.text()))
def test_any_name_and_state_make_one_picture_with_both_as_text(label: str, state: str | None) -> None:
    picture = badge(label, state)
    tree = ET.fromstring(picture)  # noqa: S314 - as above
    texts = [element.text or "" for element in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert len(texts) == 2
    assert tree.get("aria-label") == f"{texts[0]}: {texts[1]}"
    assert {element.tag.rpartition("}")[2] for element in tree.iter()} == {
        *("svg", "title", "clipPath", "rect", "g", "text")
    }
    assert len(picture) < 2_000


def test_white_text_can_be_read_on_every_colour() -> None:
    for colour in COLOURS.values():
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        brightness = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (brightness + 0.05) >= 4.5
