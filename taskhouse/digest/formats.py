"""A digest as text, Markdown, Slack blocks, HTML or an e-mail; texts of the server are inert in each of them."""

import json
from email.message import EmailMessage

from markupsafe import escape

from taskhouse.digest.model import Digest, Line
from taskhouse.pages.formatting import brief, inert
from taskhouse.pages.markdown import escaped

MARKS = {"good": "\u25b2", "bad": "\u25bc", "even": "\u2022"}
IN_LIST = MARKS | {"even": ""}
"""Before a line that has the bullet of a list."""

_MOST = 400
"""Characters of a line; a chat folds longer ones."""


def text(digest: Digest) -> str:
    """Plain text, in which no chat finds a link or somebody to call."""
    lines = [f"{MARKS[line.tone]} {plain(line.text)}" for line in digest.lines]
    return "\n".join([*lines, *([digest.link] if digest.link else [])]) + "\n"


def markdown(digest: Digest) -> str:
    """Markdown with a heading and a list; each line links to its proof, if the report is on the web."""
    lines = []
    for line in digest.lines:
        proof = _proof(digest, line.anchor)
        lines.append(f"- {_marked(line, escaped(brief(line.text, _MOST)))}" + (f" [\u2192]({proof})" if proof else ""))
    last = [f"[The report]({digest.link})"] if digest.link else []
    return "\n\n".join([f"## {escaped(digest.title)}", "\n".join(lines), *last]) + "\n"


def slack(digest: Digest) -> str:
    """The JSON of a message for Slack: rich text, which is shown as it is, with a text for notices."""
    rows = []
    for line in digest.lines:
        parts: list[dict[str, object]] = [{"type": "text", "text": _marked(line, plain(line.text))}]
        proof = _proof(digest, line.anchor)
        if proof:
            parts += [{"type": "text", "text": " "}, {"type": "link", "url": proof, "text": "\u2192"}]
        rows.append({"type": "rich_text_section", "elements": parts})
    blocks: list[dict[str, object]] = [
        {"type": "header", "text": {"type": "plain_text", "text": plain(digest.title)[:150], "emoji": False}},
        {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "bullet", "elements": rows}]},
    ]
    return json.dumps({"text": plain(digest.title), "blocks": blocks}, ensure_ascii=False, indent=2) + "\n"


def html(digest: Digest) -> str:
    """A fragment for an e-mail, with no style but what a mail program gives it."""
    rows = []
    for line in digest.lines:
        proof = _proof(digest, line.anchor)
        link = f' <a href="{escape(proof)}">\u2192</a>' if proof else ""
        rows.append(f"<li>{_marked(line, f'<bdi>{escape(plain(line.text))}</bdi>')}{link}</li>")
    last = f'<p><a href="{escape(digest.link)}">The report</a></p>' if digest.link else ""
    return f"<h2>{escape(plain(digest.title))}</h2>\n<ul>\n" + "\n".join(rows) + f"\n</ul>\n{last}\n"


def email(digest: Digest) -> str:
    """A whole message with a text and an HTML part; the code that sends it adds the sender and the receivers."""
    message = EmailMessage()
    message["Subject"] = plain(digest.title)
    message.set_content(text(digest))
    message.add_alternative(html(digest), subtype="html")
    return message.as_string()


def plain(line: str) -> str:
    """One line in which nothing is a link, a mention or a command to a terminal, and which looks the same."""
    return inert(brief(line, _MOST))


def _marked(line: Line, shown: str) -> str:
    """An item of a list, which has a bullet already."""
    return f"{IN_LIST[line.tone]} {shown}".lstrip()


def _proof(digest: Digest, anchor: str) -> str | None:
    return f"{digest.link.split('#')[0]}#{anchor}" if digest.link and anchor else None
