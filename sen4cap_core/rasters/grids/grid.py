"""Pixel grids: where a raster lies, in metres of a UTM zone."""

from __future__ import annotations

from dataclasses import dataclass

from affine import Affine


@dataclass(frozen=True)
class Grid:
    """A north-up pixel grid.

    ``x_min_m``/``y_max_m`` is the outer corner of the upper left pixel; row 0 is the northernmost.
    """

    epsg: int
    x_min_m: float
    y_max_m: float
    resolution_m: float
    width: int
    height: int

    @property
    def transform(self) -> Affine:
        """Affine transform from (column, row) to metres."""
        return Affine(self.resolution_m, 0.0, self.x_min_m, 0.0, -self.resolution_m, self.y_max_m)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return (self.height, self.width)

    @property
    def bounds_m(self) -> tuple[float, float, float, float]:
        """(x_min, y_min, x_max, y_max) in metres."""
        return (
            self.x_min_m,
            self.y_max_m - self.height * self.resolution_m,
            self.x_min_m + self.width * self.resolution_m,
            self.y_max_m,
        )

    @property
    def key(self) -> str:
        """Short text that is equal exactly when the grids are equal; used in file names."""
        corner = f"{self.x_min_m:.0f}-{self.y_max_m:.0f}"
        return f"{self.epsg}-{corner}-{self.resolution_m:g}m-{self.width}x{self.height}"

    def at_resolution(self, resolution_m: float) -> Grid:
        """Return the same extent at another pixel size that divides it."""
        factor = self.resolution_m / resolution_m
        return Grid(
            self.epsg,
            self.x_min_m,
            self.y_max_m,
            resolution_m,
            round(self.width * factor),
            round(self.height * factor),
        )

    def zoomed(self, zoom: int) -> Grid | None:
        """Return the grid of pixels of ``zoom`` times the size, None where they would not fill it exactly."""
        if self.width % zoom or self.height % zoom:
            return None
        return self.at_resolution(self.resolution_m * zoom)
