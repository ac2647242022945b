"""Who is who: one id for each parcel, and whole numbers that stay the same from file to file."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sen4cap_core.declarations.texts import Texts, is_missing

SortKey = tuple[float | str, ...]


def letters(rank: int) -> str:
    """Return A to Z for 1 to 26, then AA, AB ... AZ, BA ...

    The original writes ``@`` where the second letter should be Z (52 gives B@, here AZ).
    """
    text = ""
    while rank > 0:
        rank, letter = divmod(rank - 1, 26)
        text = chr(65 + letter) + text
    return text


def distinguish(ids: Texts, sort_key: Callable[[int], SortKey]) -> tuple[Texts, int]:
    """Make ids unique: rows that share one get ``-A``, ``-B`` ... in the order of their sort key.

    A letter whose result another row already has as its own id is passed over. Ids that are unique stay.

    Parameters
    ----------
    ids : object array of str, no missing ones.
    sort_key : callable
        From row index to a key that depends on the row's content alone, never on its place in the file.

    Returns
    -------
    ids : object array of str
    n_shared : int
        Rows that shared their id with another one.
    """
    shared = pd.Series(ids, dtype=object).duplicated(keep=False).to_numpy()
    rows = np.flatnonzero(shared)
    if not len(rows):
        return ids, 0
    groups: dict[str, list[int]] = defaultdict(list)
    for row in rows.tolist():
        groups[ids[row]].append(row)
    out = ids.copy()
    taken = set(ids)
    for base in sorted(groups):
        rank = 0
        for row in sorted(groups[base], key=sort_key):
            rank += 1
            while (name := f"{base}-{letters(rank)}") in taken:
                rank += 1
            taken.add(name)
            out[row] = name
    return out, len(rows)


def name_nameless(ids: Texts, content: Callable[[int], bytes]) -> tuple[Texts, NDArray[np.intp]]:
    """Give rows without an id one made of their content: the same parcel gets the same one next time.

    Parameters
    ----------
    content : callable
        From row index to the bytes that make the row what it is.

    Returns
    -------
    ids : object array of str, none missing
    rows : int array
        Rows that had none.
    """
    rows = np.flatnonzero(is_missing(ids))
    if not len(rows):
        return ids, rows
    out = ids.copy()
    for row in rows:
        out[row] = "no-id-" + hashlib.sha256(content(int(row))).hexdigest()[:12]
    return out, rows


def number(ids: Texts, known: Mapping[str, int]) -> NDArray[np.int64]:
    """Return a whole number for each id: the known one, else the next free ones in the order of the ids.

    Rows with the same id get the same number. The order of the rows changes nothing.
    """
    distinct: Sequence[str] = sorted(set(ids))
    next_number = max(known.values(), default=0) + 1
    numbers: dict[str, int] = {}
    for one in distinct:
        if one in known:
            numbers[one] = known[one]
        else:
            numbers[one] = next_number
            next_number += 1
    return np.array([numbers[one] for one in ids], dtype=np.int64)
