"""What is kept comes back as it was, from whichever thread, and outlives the store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sen4cap_core.rasters import tile_store
from sen4cap_core.rasters.tile_store import TileStore


@pytest.mark.parametrize("chunk_bytes", [1 << 12, 1 << 20])
def test_what_is_kept_by_several_threads_stays_as_it_was(
    monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    monkeypatch.setattr(tile_store, "_CHUNK_BYTES", chunk_bytes)
    rng = np.random.default_rng(1)
    # Also nothing, what fills a piece of memory to its end, and what is larger than one.
    sizes = [0, 1, 1 << 12, 5000, *rng.integers(1, 3000, 400)]
    contents = [rng.bytes(size) for size in sizes]
    store = TileStore()
    with ThreadPoolExecutor(4) as pool:
        views = list(pool.map(store.keep, contents))
    del store
    assert [bytes(view) for view in views] == contents
    assert all(
        view.itemsize == 1 and len(view) == len(content)
        for view, content in zip(views, contents, strict=True)
    )
