"""JSON texts and hashes made in plain arrays, against the json module and pandas."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sen4cap_core.declarations.parcels import attributes
from sen4cap_core.declarations.parcels.attributes import as_json, content_hashes, geometry_hashes
from sen4cap_core.rasters.parcels.outlines import outlines_of

TEXTS = st.lists(st.none() | st.text(max_size=12), min_size=7, max_size=7)


def large(values: list[str | None]) -> pa.LargeStringArray:
    return pa.array(values, pa.large_string())


@given(TEXTS, TEXTS, TEXTS)
@settings(max_examples=60, deadline=None)
def test_objects_are_those_of_the_json_module(one: list, two: list, three: list) -> None:
    table = {'b "quoted"\\': one, "a": two, "ž": three}
    arrays = {name: large([None, *values, "cut off"]).slice(1, 7) for name, values in table.items()}

    texts = as_json(arrays, 7).to_pylist()

    for row, text in enumerate(texts):
        members = {name: table[name][row] for name in sorted(table) if table[name][row] is not None}
        plain = {name: value.replace("\0", "") for name, value in members.items()}
        assert text == json.dumps(plain, ensure_ascii=False)


def test_hashes_are_those_of_pandas(monkeypatch) -> None:
    monkeypatch.setattr(attributes, "CHUNK_ROWS", 3)
    shapes = np.array([shapely.box(0, 0, 1, n + 1.5) for n in range(8)], dtype=object)
    shapes[4] = None
    shapes[5] = shapely.difference(shapes[5], shapely.box(0.2, 0.2, 0.4, 0.4))
    multi = [None if shape is None else shapely.MultiPolygon([shape]) for shape in shapes]
    wkb = shapely.to_wkb(np.array(multi, dtype=object))
    there = [row for row in range(8) if row != 4]

    found = geometry_hashes(outlines_of(shapes))

    assert found[4] == 0
    assert found[there].tolist() == pd.util.hash_array(wkb[there]).view(np.int64).tolist()
    holdings, crops = ["h" * n for n in range(8)], ["", "ř", "2", "3", "4", "5", "6", "7"]
    texts = [f'{{"n": "{n}"}}' for n in range(8)]
    joined = np.array(["\x1f".join(row) for row in zip(holdings, crops, texts, strict=True)], dtype=object)
    contents = content_hashes(large(holdings), large(crops), pa.chunked_array([large(texts)]))
    assert contents.tolist() == pd.util.hash_array(joined).view(np.int64).tolist()
