"""A picture of a season's scenes: a row for each tile and sensor, a cell for each day, coloured by state."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from PIL import Image, ImageDraw

from sen4cap_core.products.colours import Rgb
from sen4cap_core.reports.pictures.drawing import INK, PAPER, SOFT_INK, fitted, font, png_bytes

STATES: dict[str, Rgb] = {
    "processed": (36, 116, 61),
    "ingested": (230, 171, 2),
    "fetching": (102, 166, 220),
    "offered": (190, 210, 230),
    "skipped": (150, 150, 150),
    "failed": (200, 40, 40),
}
"""Colour of each state; of several on one day the last in this order shows."""

CELL_PX = 5
ROW_PX = 16
LEFT_PX = 190
TOP_PX = 26
BOTTOM_PX = 30
MAX_BYTES = 90_000

Entry = tuple[str, str, date, str]
"""(tile, sensor, day, state)"""


def calendar_png(entries: Iterable[Entry], start: date, end: date) -> bytes:
    """Return the picture of a season as PNG.

    Parameters
    ----------
    entries : scenes and offers; days outside the season and unknown states are not drawn
    """
    order = list(STATES)
    cells: dict[tuple[str, str], dict[date, str]] = {}
    for tile, sensor, day, state in entries:
        if state not in STATES or not start <= day <= end:
            continue
        row = cells.setdefault((tile, sensor), {})
        known = row.get(day)
        if known is None or order.index(state) > order.index(known):
            row[day] = state
    rows = sorted(cells)
    n_days = (end - start).days + 1
    width, height = LEFT_PX + n_days * CELL_PX + 10, TOP_PX + max(len(rows), 1) * ROW_PX + BOTTOM_PX
    picture = Image.new("RGB", (max(width, 640), height), PAPER)
    pen = ImageDraw.Draw(picture)
    _months(pen, start, end, height - BOTTOM_PX)
    for number, (tile, sensor) in enumerate(rows):
        top = TOP_PX + number * ROW_PX
        pen.text((6, top + 1), fitted(f"{tile}  {sensor}", font(11), LEFT_PX - 12), INK, font(11))
        for day, state in cells[tile, sensor].items():
            left = LEFT_PX + (day - start).days * CELL_PX
            pen.rectangle((left, top + 2, left + CELL_PX - 2, top + ROW_PX - 3), fill=STATES[state])
    left = 6
    for state, colour in STATES.items():
        pen.rectangle((left, height - 20, left + 10, height - 10), fill=colour)
        pen.text((left + 14, height - 22), state, SOFT_INK, font(11))
        left += 90
    return png_bytes(picture, MAX_BYTES, list(STATES.values()))


def _months(pen: ImageDraw.ImageDraw, start: date, end: date, bottom: int) -> None:
    day = start
    while day <= end:
        if day == start or day.day == 1:
            left = LEFT_PX + (day - start).days * CELL_PX
            pen.line((left, TOP_PX - 4, left, bottom), fill=(225, 228, 232))
            if day.day < 20:
                pen.text((left + 2, 6), day.strftime("%Y-%m"), SOFT_INK, font(11))
        day += timedelta(days=1)
