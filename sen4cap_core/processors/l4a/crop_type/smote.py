"""SMOTE: small classes filled up with samples between neighbours (Chawla et al. 2002)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fill_up_classes(
    values: NDArray[np.float32], labels: NDArray[np.int64], target: int, k: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the samples with every smaller class filled up to ``target``; larger ones stay whole.

    A synthetic sample is ``x + u (x' - x)``, x a sample of the class, x' one of its ``k`` nearest of the same
    class, u uniform in 0..1. Every sample gives floor(target / n) of them, of which so many are kept at
    random as are wanted. Neighbours are found on features scaled to unit deviation; the original takes raw
    features and the parcel number among them.

    Parameters
    ----------
    values : float32 (samples, features), no NaN.
    labels : int64 (samples,).

    Returns
    -------
    The samples first, as they came, then the synthetic ones by class.
    """
    # Half a second of imports that only a run needs.
    from sklearn.neighbors import NearestNeighbors

    scale = values.std(axis=0, dtype=np.float64)
    scale[scale == 0] = 1
    parts, part_labels = [values], [labels]
    for label in np.unique(labels).tolist():
        rows = np.flatnonzero(labels == label)
        n = len(rows)
        wanted = target - n
        if wanted <= 0 or n < 2:
            continue
        mine = values[rows]
        scaled = (mine / scale).astype(np.float32)
        near = NearestNeighbors(n_neighbors=min(k, n - 1) + 1).fit(scaled)
        neighbours = _without_self(near.kneighbors(scaled, return_distance=False))
        random = np.random.default_rng([seed, label & 0xFFFFFFFF])
        ours = random.permutation(np.repeat(np.arange(n), target // n))[:wanted]
        other = neighbours[ours, random.integers(0, neighbours.shape[1], wanted)]
        part = random.random((wanted, 1), np.float32)
        parts.append(mine[ours] + part * (mine[other] - mine[ours]))
        part_labels.append(np.full(wanted, label, labels.dtype))
    return np.concatenate(parts), np.concatenate(part_labels)


def _without_self(found: NDArray[np.intp]) -> NDArray[np.intp]:
    """Drop each sample from its own neighbours; among equal samples it need not come first."""
    n, k = found.shape
    is_self = found == np.arange(n)[:, None]
    lost = ~is_self.any(axis=1)
    is_self[lost, k - 1] = True
    rest: NDArray[np.intp] = found[~is_self].reshape(n, k - 1)
    return rest
