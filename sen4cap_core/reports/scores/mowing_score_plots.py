"""Plots of mowing scores: by crop, size and month, and how true the confidences are."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from sen4cap_core.reports.pictures.figures import INK, SOFT, figure_png, new_figure

MAX_BYTES: Final = 120_000
MOST_BARS: Final = 12
_COLOURS: Final = {"precision": "#0072b2", "recall": "#e69f00", "f1": "#00694e"}


def scores_png(table: pd.DataFrame, protocol: str = "MODCiX") -> bytes:
    """Draw precision, recall and F1 of each crop code, size class and month; the largest groups first.

    ``table`` as ``mowing_score_files`` writes it: protocol, group, value, true, false, precision, recall, f1.
    """
    of_protocol = table[table["protocol"] == protocol]
    groups = [g for g in ("crop", "size", "month") if (of_protocol["group"] == g).any()]
    figure = new_figure(7.0, 2.4 * max(1, len(groups)))
    for i, group in enumerate(groups):
        axes = figure.add_subplot(len(groups), 1, i + 1)
        rows = of_protocol[of_protocol["group"] == group]
        largest = (rows["true"] + rows["false"]).sort_values(ascending=False, kind="stable")
        rows = rows.loc[largest.index[:MOST_BARS]].sort_values("value")
        for k, (name, colour) in enumerate(_COLOURS.items()):
            places = np.arange(len(rows)) + (k - 1) * 0.27
            axes.bar(places, rows[name].fillna(0.0), 0.27, color=colour, label=name.replace("f1", "F1"))
        labels = [f"{value}\n{n}" for value, n in zip(rows["value"], rows["true"], strict=True)]
        axes.set_xticks(np.arange(len(rows)), labels, fontsize=7)
        axes.set_ylim(0, 1)
        axes.set_title(f"By {group} (true mowings below)", size=9, color=INK, loc="left", parse_math=False)
        axes.grid(axis="y", color="#e3e6ea", lw=0.8)
        axes.set_axisbelow(True)
        if i == 0:
            axes.legend(fontsize=7, ncols=3, loc="upper right", bbox_to_anchor=(1, 1.2), frameon=False)
    figure.tight_layout()
    return figure_png(figure, MAX_BYTES)


def reliability_png(table: pd.DataFrame) -> bytes:
    """Draw the share of right detections over the confidence they state; on the diagonal it is true.

    ``table`` as ``reliability_table`` gives it; bars say how many detections each class has.
    """
    figure = new_figure(4.6, 4.4)
    axes = figure.add_axes((0.13, 0.12, 0.82, 0.78))
    axes.plot([0, 1], [0, 1], color=SOFT, lw=1, ls=(0, (4, 3)))
    if len(table):
        share = table["detections"] / table["detections"].sum()
        axes.bar((table["from"] + table["to"]) / 2, share, 0.09, color="#c9d6e2", label="share of detections")
        axes.plot(table["stated"], table["observed"], color=_COLOURS["f1"], marker="o", label="share right")
        axes.legend(fontsize=8, loc="upper left", frameon=False)
    else:
        axes.text(0.5, 0.5, "no confidences", ha="center", color=SOFT)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("stated confidence", size=9, color=INK)
    axes.set_ylabel("observed", size=9, color=INK)
    axes.set_title("How true the confidences are", size=11, weight="bold", color=INK, loc="left")
    return figure_png(figure, MAX_BYTES)
