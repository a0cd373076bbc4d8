"""Lay out rows for a terminal: as a table if it is wide enough, else one value per line."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from taskhouse.pipelines.cli.screen import plain

GAP = 2
NARROWEST = 8
"""The minimum width of a text column. If the columns do not fit with it, each value gets its own line."""


def fitted(widths: Sequence[int], firm: Sequence[bool], room: int | None) -> list[int] | None:
    """Widths that fit the terminal; the widest columns are cut first. None if they cannot fit.

    Args:
        widths: What each column needs.
        firm: Whether it must not be cut, as numbers.
        room: Cells of a line; None for any number.
    """
    free = None if room is None else room - GAP * (len(widths) - 1)
    if free is None or sum(widths) <= free:
        return list(widths)
    free -= sum(width for width, fast in zip(widths, firm, strict=True) if fast)
    soft = sorted(width for width, fast in zip(widths, firm, strict=True) if not fast)
    cap = 0
    for place, width in enumerate(soft):  # the narrow ones take what they need, the wide ones share the rest
        cap = free // (len(soft) - place)
        if width > cap:
            break
        free -= width
    if not soft or cap < NARROWEST:
        return None
    return [width if fast else min(width, cap) for width, fast in zip(widths, firm, strict=True)]


def lines(columns: Sequence[str], rows: Sequence[Sequence[object]], room: int | None) -> Iterator[Text] | None:
    """Rows under headings, numbers on the right; None if they are too wide for that."""
    cells = [[plain(value) for value in row] for row in rows]
    names = [plain(name, style="bold") for name in columns]
    numbers = [_numbers([row[place] for row in rows]) for place in range(len(columns))]
    widths = [max([name.cell_len, *(row[place].cell_len for row in cells)]) for place, name in enumerate(names)]
    found = fitted(widths, numbers, room)
    if found is None:
        return None
    return (_line(row, found, numbers) for row in (names, *cells))


def upright(columns: Sequence[str], rows: Sequence[Sequence[object]], room: int | None) -> Iterator[Text]:
    """Each value of each row on its own line, cut to the width of the terminal; None cuts nothing."""
    wide = max((plain(name).cell_len for name in columns), default=0)
    for number, row in enumerate(rows, start=1):
        yield Text(f"── row {number} ".ljust(wide + GAP, "─"), style="dim")
        for name, value in zip(columns, row, strict=True):
            head, text = plain(name, style="bold"), plain(value)
            head.truncate(wide, pad=True)
            if room is not None:
                text.truncate(max(1, room - wide - GAP), overflow="ellipsis")
            yield Text.assemble(head, " " * GAP, text)


def _line(cells: Sequence[Text], widths: Sequence[int], numbers: Sequence[bool]) -> Text:
    line = Text()
    for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        cell.truncate(width, overflow="ellipsis")
        cell.align("right" if numbers[place] else "left", width)
        line.append(" " * GAP if place else "").append_text(cell)
    line.rstrip()
    return line


def _numbers(values: Sequence[object]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)
