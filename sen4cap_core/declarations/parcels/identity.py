"""Who is who: one id for each parcel, and whole numbers that stay the same from file to file."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

SortKey = tuple[float | str, ...]


@dataclass(frozen=True, eq=False)
class Given:
    """Numbers given before: each name has one."""

    names: pa.LargeStringArray = field(default_factory=lambda: pa.array([], pa.large_string()))
    numbers: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def of(cls, numbers: Mapping[str, int]) -> Given:
        """Take over a mapping."""
        return cls(
            pa.array(list(numbers), pa.large_string()),
            np.fromiter(numbers.values(), np.int64, len(numbers)),
        )


def letters(rank: int) -> str:
    """Return A to Z for 1 to 26, then AA, AB ... AZ, BA ...

    The original writes ``@`` where the second letter should be Z (52 gives B@, here AZ).
    """
    text = ""
    while rank > 0:
        rank, letter = divmod(rank - 1, 26)
        text = chr(65 + letter) + text
    return text


def distinguish(
    ids: pa.LargeStringArray, sort_key: Callable[[int], SortKey]
) -> tuple[pa.LargeStringArray, list[str], int]:
    """Make ids unique: rows that share one get ``-A``, ``-B`` ... in the order of their sort key.

    A letter whose result another row already has as its own id is passed over. Ids that are unique stay.

    Parameters
    ----------
    ids : none missing.
    sort_key : callable
        From row index to a key that depends on the row's content alone, never on its place in the file.

    Returns
    -------
    ids : texts
    twice : list of str
        Ids that several rows shared, in their order.
    n_shared : int
        Rows that shared their id with another one.
    """
    coded = ids.dictionary_encode()
    codes = coded.indices.to_numpy()
    shared = np.bincount(codes, minlength=len(coded.dictionary)) > 1
    if not shared.any():
        return ids, [], 0
    rows = np.flatnonzero(shared[codes])
    groups: dict[str, list[int]] = defaultdict(list)
    for row, name in zip(rows.tolist(), ids.take(pa.array(rows)).to_pylist(), strict=True):
        groups[name].append(row)
    taken = set(coded.dictionary.to_pylist())
    given: dict[int, str] = {}
    for base in sorted(groups):
        rank = 0
        for row in sorted(groups[base], key=sort_key):
            rank += 1
            while (name := f"{base}-{letters(rank)}") in taken:
                rank += 1
            taken.add(name)
            given[row] = name
    return _with(ids, rows, [given[row] for row in rows.tolist()]), sorted(groups), len(rows)


def name_nameless(
    ids: pa.LargeStringArray, content: Callable[[int], bytes]
) -> tuple[pa.LargeStringArray, NDArray[np.intp]]:
    """Give rows without an id one made of their content: the same parcel gets the same one next time.

    Parameters
    ----------
    content : callable
        From row index to the bytes that make the row what it is.

    Returns
    -------
    ids : texts, none missing
    rows : int array
        Rows that had none.
    """
    rows = np.flatnonzero(ids.is_null().to_numpy(zero_copy_only=False))
    if not len(rows):
        return ids, rows
    names = ["no-id-" + hashlib.sha256(content(row)).hexdigest()[:12] for row in rows.tolist()]
    return _with(ids, rows, names), rows


def _with(ids: pa.Array, rows: NDArray[np.intp], names: list[str]) -> pa.Array:
    """Return the ids with other ones in some rows."""
    mask = np.zeros(len(ids), np.bool_)
    mask[rows] = True
    return pc.replace_with_mask(ids, pa.array(mask), pa.array(names, ids.type))


def number(ids: pa.LargeStringArray, known: Given) -> NDArray[np.int64]:
    """Return a whole number for each id: the known one, else the next free ones in the order of the ids.

    Rows with the same id get the same number. The order of the rows changes nothing.
    """
    coded = ids.dictionary_encode()
    distinct = coded.dictionary
    numbers = np.zeros(len(distinct), np.int64)
    if len(known.names):
        place = pc.index_in(distinct, known.names).fill_null(-1).to_numpy()
        numbers = np.where(place >= 0, known.numbers[place], 0)
        is_new = np.flatnonzero(place < 0)
    else:
        is_new = np.arange(len(distinct))
    order = pc.sort_indices(distinct.take(pa.array(is_new))).to_numpy()
    numbers[is_new[order]] = known.numbers.max(initial=0) + 1 + np.arange(len(is_new))
    return np.asarray(numbers[coded.indices.to_numpy()], np.int64)
