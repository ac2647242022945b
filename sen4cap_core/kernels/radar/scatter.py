"""Painting simulated scatterers into a radar image."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def paint_scatterers(
    line: NDArray[np.float64],
    sample: NDArray[np.float64],
    amplitude: NDArray[np.complex64],
    doppler: NDArray[np.float64],
    line_response: NDArray[np.float32],
    sample_response: NDArray[np.float32],
    oversampling: int,
    image: NDArray[np.complex64],
) -> None:
    """Add the response of each scatterer to an image.

    Along track the response turns with the frequency at which the antenna saw the scatterer.

    Parameters
    ----------
    line, sample : float64 (n,), where a scatterer lies in the image; NaN for those not in it
    amplitude : complex64 (n,)
    doppler : float64 (n,), cycles per line
    line_response, sample_response : float32 (2 * reach * oversampling + 1,), response at distances -reach ..
        reach
    image : complex64 (lines, samples), added to
    """
    reach = (line_response.shape[0] - 1) // (2 * oversampling)
    for k in range(line.shape[0]):
        if not (line[k] > -reach and line[k] < image.shape[0] + reach):
            continue
        if not (sample[k] > -reach and sample[k] < image.shape[1] + reach):
            continue
        first = max(math.ceil(line[k]) - reach, 0)
        last = min(math.floor(line[k]) + reach, image.shape[0] - 1)
        left = max(math.ceil(sample[k]) - reach, 0)
        right = min(math.floor(sample[k]) + reach, image.shape[1] - 1)
        for y in range(first, last + 1):
            away = y - line[k]
            turn = 2.0 * math.pi * doppler[k] * away
            at = int((away + reach) * oversampling + 0.5)
            factor = np.complex64(amplitude[k] * complex(math.cos(turn), math.sin(turn)) * line_response[at])
            for x in range(left, right + 1):
                image[y, x] += factor * sample_response[int((x - sample[k] + reach) * oversampling + 0.5)]
