"""A run in short, in Markdown, for the description of its pull request."""

from collections.abc import Iterator

from taskhouse.pages import formatting, links
from taskhouse.pages.markdown import escaped, table
from taskhouse.plural import counted
from taskhouse.run_page import texts
from taskhouse.run_page.html import facts
from taskhouse.run_page.model import Call, Gap, Message, Question, Run

MOST_SAID = 1500
"""Characters of what was asked, and of what the agent said at the end."""

MOST_LINES = 60
"""Lines of the same."""

NAMED = 20
"""Files, and commands, that are named."""


def page(run: Run) -> str:
    """The whole text; with all that it may hold, it stays far below the 65,536 characters of a description."""
    return "\n\n".join(part for part in _parts(run) if part) + "\n"


def _parts(run: Run) -> Iterator[str]:
    figures = facts(run)
    yield f"## {escaped(texts.line(run.title, 200))}"
    yield _figures(run)
    if run.row["error_message"] and not texts.MARK.fullmatch(run.row["error_message"]):
        yield f"Failed: {escaped(texts.line(run.row['error_message'], 500))}"
    if run.hidden:
        yield "The texts of this run were not kept."
    if run.task["description"]:
        yield f"### Asked\n\n{_quoted(run.task['description'])}"
    said = next((one.text for one in reversed(run.of(Message)) if one.role == "agent" and not one.hidden), "")
    if said:
        yield f"### The agent's last words\n\n{_quoted(said)}"
    if figures["files"]:
        rows = [[escaped(texts.short_path(path)), f"+{added}", f"-{gone}"] for path, added, gone, _ in figures["files"]]
        more = [[f"and {len(rows) - NAMED} more", "", ""]] if len(rows) > NAMED else []
        yield "### Files changed\n\n" + table(["file", "added", "removed"], rows[:NAMED] + more)
    yield _commands(run)
    asked = run.of(Question)
    if asked:
        lines = [
            f"- {escaped(texts.line(one.title or 'a permission', 160))}: {escaped(one.decision or 'no answer')}"
            for one in asked[:NAMED]
        ]
        yield "### Permission questions\n\n" + "\n".join(lines)
    yield _end(run)


def _figures(run: Run) -> str:
    row, totals, calls = run.row, run.totals, run.of(Call)
    failed = sum(call.failed for call in calls)
    status = (row["status"] or "unknown").replace("_", " ")
    after = f" after {formatting.span(row['duration_s'])}" if row["duration_s"] is not None else ""
    parts = [f"**{escaped(status)}**{after}"]
    if row["attempts"] and row["attempts"] > 1:
        parts.append(f"{row['attempts']} attempts")
    if row["model"]:
        parts.append(escaped(texts.line(row["model"], 60)))
    parts.append(counted(len(calls), "tool call") + (f", {failed:,} of them failed" if failed else ""))
    if totals["tokens"]:
        parts.append(f"{totals['tokens']:,} tokens")
    if totals["cost_usd"] is not None:
        parts.append(f"${totals['cost_usd']:,.2f}")
    pulls = [url for url in row["pr_urls"] if links.safe(url)]
    parts += [escaped(texts.line(url, 200)) for url in pulls[:3]]
    return ", ".join(parts)


def _quoted(text: str) -> str:
    part = texts.cut(texts.lines(text).strip(), MOST_SAID)
    shown = [*part.head.splitlines(), *(["[…]", *part.tail.splitlines()] if part.left_out else [])]
    shown = [*shown[:MOST_LINES], "[…]"] if len(shown) > MOST_LINES else shown
    return "\n".join(f"> {escaped(line)}" if line.strip() else ">" for line in shown)


def _commands(run: Run) -> str:
    """Commands that were run, each once with how it ended the last time."""
    ended = {call.title: call for call in run.of(Call) if call.call["kind"] == "execute" and call.title}
    if not ended:
        return ""
    lines = [
        f"- {escaped(texts.line(title, 160))}: {'failed' if call.failed else escaped(call.call['status'] or 'open')}"
        for title, call in list(ended.items())[-NAMED:]
    ]
    more = [f"- and {len(ended) - NAMED} earlier ones"] if len(ended) > NAMED else []
    return "### Commands\n\n" + "\n".join(more + lines)


def _end(run: Run) -> str:
    row = run.row
    holes = sum(not gap.repaired for gap in run.of(Gap))
    missing = f" Not everything was captured: {counted(holes, 'gap')}." if holes else ""
    place = links.task(row["host"], row["project_id"], row["task_id"], row["run_id"])
    name = f"run {escaped(row['run_id'])}"
    return f"Written by taskhouse from {f'[{name}]({place})' if place else name}.{missing}"
