"""The published networks for LAI, fAPAR and fCover, as the kernel takes them.

Weiss and Baret, S2ToolBox Level 2 products: LAI, FAPAR, FCOVER (ATBD), in the version 3.0 of the Sentinel-2
Toolbox; ``networks.json`` holds the numbers and says where they come from.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.optical.training_cells import fill_cell_table

_TABLE_PLACES = 2**13
"""The largest domain has 2930 cells; 32 kB stay in the nearest cache."""


@dataclass(frozen=True, eq=False)
class Network:
    """One network of a satellite and pixel size: weights act on reflectance and cosines, nothing else."""

    name: str
    """``S2A``, ``S2B``, ``S2A 10 m``, ``S2B 10 m``, ``Landsat 8``."""
    bands: tuple[str, ...]
    """By their Sentinel-2 names, in the order of the inputs."""
    domain: NDArray[np.float32]
    """(bands, 2), smallest and largest reflectance of the training data."""
    cells: NDArray[np.uint32]
    """Table of the cells of the training data (`fill_cell_table`)."""
    _hidden: dict[str, NDArray[np.float32]]
    _output: dict[str, NDArray[np.float32]]
    _accepted: dict[str, NDArray[np.float32]]

    def arrays(
        self, variables: Sequence[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Hidden layers (variables, 5, inputs + 1), outputs (variables, 6), limits (variables, 3).

        Limits are tolerance, minimum and maximum in units of the variable.
        """
        hidden, output, accepted = (
            np.stack([part[v] for v in variables]) for part in (self._hidden, self._output, self._accepted)
        )
        return hidden, output, accepted


@cache
def network(name: str) -> Network:
    """Return a network by name.

    Raises
    ------
    KeyError
        There is none of that name.
    """
    stored = _tables()["networks"][name]
    cells = np.array([int(cell, 16) for cell in stored["cells"].split()], np.uint32)
    table = np.zeros(_TABLE_PLACES, np.uint32)
    while not fill_cell_table(cells, table):
        table = np.zeros(2 * table.size, np.uint32)
    inputs = np.array(stored["inputs"])
    hidden, output, accepted = {}, {}, {}
    for variable, layers in stored["variables"].items():
        hidden[variable] = _on_reflectance(np.array(layers["hidden"]), inputs)
        output[variable] = _in_units(np.array(layers["output"]), *layers["range"])
        accepted[variable] = np.array(layers["accepted"], np.float32)
    domain = np.array(stored["domain"], np.float32).T.copy()
    return Network(name, tuple(stored["bands"]), domain, table, hidden, output, accepted)


@cache
def _tables() -> dict[str, Any]:
    text = files("sen4cap_core.processors.l3b").joinpath("networks.json").read_text(encoding="utf-8")
    tables: dict[str, Any] = json.loads(text)
    return tables


def _on_reflectance(layer: NDArray[np.float64], inputs: NDArray[np.float64]) -> NDArray[np.float32]:
    """Take the scaling of the inputs to -1..1 into bias and weights; (5, inputs + 1)."""
    low, high = inputs[:, 0], inputs[:, 1]
    weights = layer[:, 1:] * (2.0 / (high - low))
    bias = layer[:, 0] - layer[:, 1:].sum(axis=1) - weights @ low
    return np.column_stack([bias, weights]).astype(np.float32)


def _in_units(layer: NDArray[np.float64], low: float, high: float) -> NDArray[np.float32]:
    """Take the scaling of the output from -1..1 to its range into the linear neuron; (6,)."""
    half = 0.5 * (high - low)
    return np.concatenate([[half * (layer[0] + 1.0) + low], half * layer[1:]]).astype(np.float32)
