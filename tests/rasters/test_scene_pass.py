"""The pass over a scene: values, sums, skipped blocks, broken files and full disks."""

from __future__ import annotations

import errno
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sen4cap_core import files
from sen4cap_core.errors import NothingToDoError, UnreadableSceneError
from sen4cap_core.processors.l3b.ndvi import NDVI
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import Block
from sen4cap_core.rasters.blockwise.variables import BandMean
from sen4cap_core.rasters.decoding.decode import BandFiles
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.parcels.labels import LabelSpans, burn_labels
from sen4cap_core.rasters.parcels.pixel_values import STATISTICS
from sen4cap_core.rasters.passes.cog_pass import extract_from_cog
from sen4cap_core.rasters.passes.scene_pass import NothingClearError, PassResult, run_pass
from sen4cap_core.rasters.passes.sums import ParcelSums
from tests.rasters.conftest import WriteBand, expected_ndvi, make_grid, make_parcels, make_scene


def assert_equal_sums(one: ParcelSums, other: ParcelSums) -> None:
    np.testing.assert_array_equal(one.new_ids, other.new_ids)
    np.testing.assert_array_equal(one.n_total, other.n_total)
    assert set(one.variables) == set(other.variables)
    for name, variable in one.variables.items():
        for part in ("n_valid", "total", "squares"):
            np.testing.assert_array_equal(getattr(variable, part), getattr(other.variables[name], part))
        np.testing.assert_array_equal(variable.mean(), other.variables[name].mean())
        np.testing.assert_array_equal(variable.std(), other.variables[name].std())
        for ending, values in one.orders[name].items():
            np.testing.assert_array_equal(values, other.orders[name][ending])


def run(
    sources: dict[str, BandSource], grid: Grid, labels: LabelSpans | None, path: Path | None, threads: int = 2
) -> PassResult:
    return run_pass(
        sources,
        sources.get("SCL"),
        grid,
        variables=(NDVI,),
        labels=labels,
        raster_paths={"ndvi": path} if path else {},
        threads=threads,
        statistics=STATISTICS,
    )


def own_cog(path: Path, grid: Grid) -> dict[str, BandSource]:
    return {"ndvi": BandSource("ndvi", str(path), grid, 1e-4, 0.0, -32_768)}


@pytest.mark.parametrize(
    ("height", "width", "suffix", "block", "scl_m"),
    [
        (57, 56, ".tif", 0, 10.0),  # a cut-out as one strip, SCL already at 10 m
        (57, 55, ".tif", 512, 20.0),  # sides that are no multiple of 20 m
        (700, 1100, ".tif", 256, 20.0),
        (600, 600, ".tif", 48, 20.0),  # tiles that share no multiple with ours
        (1200, 1100, ".jp2", 1024, 20.0),
        (300, 400, ".jp2", 128, 10.0),
    ],
)
def test_raster_and_sums(
    tmp_path: Path, write_band: WriteBand, height: int, width: int, suffix: str, block: int, scl_m: float
) -> None:
    bands, grid, scl_grid = make_scene(height, width, 1, scl_m)
    sources = {
        name: write_band(name, values, scl_grid if name == "SCL" else grid, suffix=suffix, block=block)
        for name, values in bands.items()
    }
    labels = burn_labels(make_parcels(grid, 25, 2), range(25), grid, -5.0)
    result = run(sources, grid, labels, tmp_path / "out/ndvi.tif")

    expected = expected_ndvi(bands)
    with rasterio.open(tmp_path / "out/ndvi.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), expected)
    assert result.observations is not None
    sums = result.observations.variables["ndvi"]
    mean, std = sums.mean(), sums.std()
    orders = result.observations.orders["ndvi"]
    for index, parcel in enumerate(labels.new_ids):
        own = labels.parcel == index
        pixels = [
            expected[r, f : e + 1]
            for r, f, e in zip(labels.rows[own], labels.first[own], labels.last[own], strict=True)
        ]
        flat = np.concatenate([*pixels, np.empty(0, np.int16)])
        valid = flat[flat != -32_768] / 10_000
        assert sums.n_valid[index] == valid.size, parcel
        assert labels.n_total[index] == flat.size
        if valid.size:
            assert mean[index] == pytest.approx(valid.mean(), abs=1e-6)
            quarters = [orders[name][index] for name in ("min", "p25", "median", "p75", "max")]
            assert quarters == pytest.approx(np.percentile(valid, (0, 25, 50, 75, 100)), abs=1e-6)
        else:
            assert np.isnan(mean[index])
            assert np.isnan(orders["median"][index])
        if valid.size > 1:
            assert std[index] == pytest.approx(valid.std(ddof=1), abs=1e-6)
        else:
            assert np.isnan(std[index])

    scl = bands["SCL"]
    factor = round(scl_m / 10)
    fine = np.repeat(np.repeat(scl, factor, 0), factor, 1)[:height, :width]
    assert result.data_fraction == pytest.approx((fine != 0).mean())
    assert result.clear_fraction == pytest.approx(np.isin(fine, (4, 5, 6)).sum() / (fine != 0).sum())
    assert result.status_counts["cloud"] == (fine == 9).sum()
    assert result.status_counts["shadow"] == (fine == 3).sum()
    assert result.n_blocks_skipped == 0


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 99),
    block=st.sampled_from([0, 16, 64, 128, 512]),
    threads=st.integers(1, 3),
)
def test_block_size_and_threads_do_not_matter(
    tmp_path: Path, write_band: WriteBand, seed: int, block: int, threads: int
) -> None:
    bands, grid, scl_grid = make_scene(150, 230, seed)
    labels = burn_labels(make_parcels(grid, 15, seed), range(15), grid, 0.0)
    results = []
    for side, count in ((512, 1), (block, threads)):
        sources = {
            name: write_band(name, values, scl_grid if name == "SCL" else grid, block=side)
            for name, values in bands.items()
        }
        path = tmp_path / f"{side}-{count}.tif"
        results.append(run(sources, grid, labels, path, count).observations)
        results.append(extract_from_cog(own_cog(path, grid), labels, threads=count, statistics=STATISTICS))
        results.append(run(sources, grid, labels, None, count).observations)
    for other in results[1:]:
        assert other is not None
        assert results[0] is not None
        assert_equal_sums(results[0], other)


def test_blocks_without_parcels_are_not_decoded(tmp_path: Path, write_band: WriteBand) -> None:
    bands, grid, scl_grid = make_scene(1100, 1100, 4)
    sources = {n: write_band(n, v, scl_grid if n == "SCL" else grid) for n, v in bands.items()}
    one_corner = make_parcels(make_grid(200, 200), 5, 1)
    labels = burn_labels(one_corner, range(5), grid, 0.0)
    result = run(sources, grid, labels, None)
    assert (result.n_blocks_read, result.n_blocks_skipped) == (1, 8)
    whole = run(sources, grid, labels, tmp_path / "ndvi.tif")
    assert (whole.n_blocks_read, whole.n_blocks_skipped) == (4, 0)
    assert result.observations is not None
    assert whole.observations is not None
    assert_equal_sums(result.observations, whole.observations)
    assert_equal_sums(
        whole.observations,
        extract_from_cog(own_cog(tmp_path / "ndvi.tif", grid), labels, threads=2, statistics=STATISTICS),
    )


def test_small_blocks_are_taken_only_where_they_leave_something_out(write_band: WriteBand) -> None:
    bands, grid, scl_grid = make_scene(1100, 1100, 4)
    sources = {n: write_band(n, v, scl_grid if n == "SCL" else grid) for n, v in bands.items()}
    everywhere = burn_labels(make_parcels(grid, 400, 1), range(400), grid, 0.0)
    result = run(sources, grid, everywhere, None)
    assert (result.n_blocks_read, result.n_blocks_skipped) == (4, 0)


@pytest.mark.parametrize("suffix", [".tif", ".jp2"])
def test_a_raster_does_not_have_bands_of_parcels_alone_decoded_elsewhere(
    tmp_path: Path, write_band: WriteBand, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    bands, grid, scl_grid = make_scene(512, 512, 4)
    half = grid.at_resolution(20)
    bands["B05"] = np.random.default_rng(5).integers(1, 4000, half.shape).astype(np.uint16)
    sources = {
        name: write_band(name, values, grid if name in ("B04", "B08") else scl_grid, suffix=suffix, block=128)
        for name, values in bands.items()
    }
    parcel = shapely.box(grid.x_min_m + 2700, grid.y_max_m - 4700, grid.x_min_m + 3100, grid.y_max_m - 4200)
    labels = burn_labels([parcel], [1], grid, -5.0)
    read: dict[str, int] = {}
    bare = BandFiles.read

    def counted(self: BandFiles, source: BandSource, block: Block) -> object:
        read[source.name] = read.get(source.name, 0) + block.height * block.width
        return bare(self, source, block)

    monkeypatch.setattr("sen4cap_core.rasters.passes.scene_pass.WHOLE_SIDE", 128)
    monkeypatch.setattr(BandFiles, "read", counted)

    def means(raster_paths: dict[str, Path]) -> ParcelSums:
        read.clear()
        result = run_pass(
            sources, sources["SCL"], grid, variables=(NDVI, BandMean("b05", "B05")), labels=labels,
            raster_paths=raster_paths, threads=2, statistics=STATISTICS,
        )  # fmt: skip
        assert result.observations is not None
        return result.observations

    with_raster = means({"ndvi": tmp_path / "ndvi.tif"})
    # GDAL decodes two JPEG 2000 tiles of a small image together.
    assert (read["B04"], read["B05"]) == (512 * 512, 128 * (128 if suffix == ".tif" else 256))
    assert_equal_sums(with_raster, means({}))


def test_without_parcels_in_the_scene_nothing_is_read(write_band: WriteBand) -> None:
    bands, grid, scl_grid = make_scene(60, 60, 4)
    sources = {n: write_band(n, v, scl_grid if n == "SCL" else grid) for n, v in bands.items()}
    result = run(sources, grid, burn_labels([None], [1], grid, 0.0), None)
    assert result.n_blocks_read == 0
    assert result.data_fraction == 0.0
    assert result.observations is not None
    assert np.isnan(result.observations.variables["ndvi"].mean()).all()


def test_labels_of_the_whole_tile_serve_a_cut_out(tmp_path: Path, write_band: WriteBand) -> None:
    whole = make_grid(300, 300)
    parcels = make_parcels(whole, 30, 9)
    bands, _, _ = make_scene(100, 120, 3)
    part = Grid(32630, whole.x_min_m + 700, whole.y_max_m - 400, 10.0, 120, 100)
    scl_grid = replace(part, resolution_m=20.0, width=60, height=50)
    sources = {n: write_band(n, v, scl_grid if n == "SCL" else part) for n, v in bands.items()}
    of_tile = run(sources, part, burn_labels(parcels, range(30), whole, 0.0), tmp_path / "a.tif").observations
    of_part = run(sources, part, burn_labels(parcels, range(30), part, 0.0), None).observations
    assert of_tile is not None
    assert of_part is not None
    for name in ("n_valid", "total", "squares"):
        np.testing.assert_array_equal(
            getattr(of_tile.variables["ndvi"], name), getattr(of_part.variables["ndvi"], name)
        )
    assert (of_tile.n_total >= of_part.n_total).all()
    half_a_pixel = replace(part, x_min_m=part.x_min_m + 5.0)
    with pytest.raises(ValueError, match="shift of whole pixels"):
        run(sources, part, burn_labels(parcels, range(30), half_a_pixel, 0.0), None)


def test_without_classification_only_no_data_is_masked(tmp_path: Path, write_band: WriteBand) -> None:
    bands, grid, _ = make_scene(64, 64, 5)
    sources = {name: write_band(name, bands[name], grid) for name in ("B04", "B08")}
    result = run(sources, grid, None, tmp_path / "ndvi.tif")
    with rasterio.open(tmp_path / "ndvi.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), expected_ndvi(bands, with_scl=False))
    assert result.data_fraction == pytest.approx((bands["B04"] != 0).mean())
    assert result.clear_fraction == 1.0
    assert result.observations is None


def test_percentiles_of_a_band_count_its_coarse_pixels_as_its_mean_does(write_band: WriteBand) -> None:
    """A 20 m band below 10 m parcels, partly under cloud, partly without data."""
    bands, grid, scl_grid = make_scene(80, 90, 11, 20.0)
    numbers = np.random.default_rng(11).integers(1000, 9000, scl_grid.shape).astype(np.uint16)
    numbers[::7, ::5] = 0
    sources = {"B11": write_band("B11", numbers, scl_grid), "SCL": write_band("SCL", bands["SCL"], scl_grid)}
    labels = burn_labels(make_parcels(grid, 12, 2), range(12), grid, -5.0)
    result = run_pass(
        sources,
        sources["SCL"],
        grid,
        variables=(BandMean("b11", "B11"),),
        labels=labels,
        raster_paths={},
        threads=2,
        statistics=("median", "p75"),
    )
    assert result.observations is not None
    found = result.observations.orders["b11"]
    assert list(found) == ["median", "p75"]
    usable = np.isin(bands["SCL"], (4, 5)) & (numbers != 0)
    reflectance = np.where(usable, numbers * 1e-4 - 0.1, np.nan)
    fine = np.repeat(np.repeat(reflectance, 2, 0), 2, 1)
    n_seen = 0
    for index, mean in enumerate(result.observations.variables["b11"].mean()):
        own = labels.parcel == index
        spans = zip(labels.rows[own], labels.first[own], labels.last[own], strict=True)
        pixels = np.concatenate([[], *(fine[r, f : e + 1] for r, f, e in spans)])
        valid = pixels[~np.isnan(pixels)]
        assert result.observations.variables["b11"].n_valid[index] == valid.size
        if valid.size:
            n_seen += 1
            assert mean == pytest.approx(valid.mean(), abs=1e-6)
            assert found["median"][index] == pytest.approx(np.percentile(valid, 50), abs=1e-6)
            assert found["p75"][index] == pytest.approx(np.percentile(valid, 75), abs=1e-6)
    assert n_seen > 3


def test_progress_rises_to_one_and_may_stop_the_pass(tmp_path: Path, write_band: WriteBand) -> None:
    bands, grid, scl_grid = make_scene(700, 700, 6)
    sources = {n: write_band(n, v, scl_grid if n == "SCL" else grid) for n, v in bands.items()}
    seen: list[float] = []
    arguments = {"variables": (NDVI,), "labels": None, "threads": 2}
    paths = {"ndvi": tmp_path / "out/ndvi.tif"}
    run_pass(sources, sources["SCL"], grid, **arguments, raster_paths=paths, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)

    def stop(_fraction: float) -> None:
        raise KeyboardInterrupt

    paths = {"ndvi": tmp_path / "stopped/ndvi.tif"}
    with pytest.raises(KeyboardInterrupt):
        run_pass(sources, sources["SCL"], grid, **arguments, raster_paths=paths, progress=stop)
    assert not list(tmp_path.glob("stopped/*"))


@pytest.mark.parametrize("kept", [0.999, 0.6, 0.01])
@pytest.mark.parametrize("wanted", ["raster", "first block"])
def test_truncated_jpeg2000_names_its_file(
    tmp_path: Path, write_band: WriteBand, kept: float, wanted: str
) -> None:
    bands, grid, scl_grid = make_scene(300, 300, 7)
    sources = {
        n: write_band(n, v, scl_grid if n == "SCL" else grid, suffix=".jp2", block=128)
        for n, v in bands.items()
    }
    broken = Path(sources["B08"].uri)
    broken.write_bytes(broken.read_bytes()[: int(broken.stat().st_size * kept)])
    labels = burn_labels(make_parcels(make_grid(100, 100), 3, 1), range(3), grid, 0.0)
    path = tmp_path / "out/ndvi.tif" if wanted == "raster" else None
    with pytest.raises(UnreadableSceneError, match=r"B08\.jp2: band B08 cannot be read"):
        run(sources, grid, labels, path)
    assert not list(tmp_path.glob("out/*"))


def test_damage_in_the_middle_of_jpeg2000_names_its_file(tmp_path: Path, write_band: WriteBand) -> None:
    bands, grid, scl_grid = make_scene(512, 512, 7)
    sources = {
        n: write_band(n, v, scl_grid if n == "SCL" else grid, suffix=".jp2", block=128)
        for n, v in bands.items()
    }
    broken = Path(sources["B04"].uri)
    content = bytearray(broken.read_bytes())
    content[len(content) // 4 : len(content) // 2] = b"\0" * (len(content) // 2 - len(content) // 4)
    broken.write_bytes(content)
    with pytest.raises(UnreadableSceneError, match=r"B04\.jp2"):
        run(sources, grid, None, tmp_path / "out/ndvi.tif")
    assert not list(tmp_path.glob("out/*"))


def test_truncated_geotiff_names_its_file(tmp_path: Path, write_band: WriteBand) -> None:
    bands, grid, scl_grid = make_scene(600, 600, 7)
    sources = {n: write_band(n, v, scl_grid if n == "SCL" else grid) for n, v in bands.items()}
    broken = Path(sources["SCL"].uri)
    broken.write_bytes(broken.read_bytes()[:-20_000])
    with pytest.raises(UnreadableSceneError, match=r"SCL\.tif"):
        run(sources, grid, None, tmp_path / "out/ndvi.tif")
    assert not list(tmp_path.glob("out/*"))


def test_missing_band_missing_file_and_wrong_size(tmp_path: Path, write_band: WriteBand) -> None:
    bands, grid, scl_grid = make_scene(64, 64, 8)
    sources = {n: write_band(n, v, scl_grid if n == "SCL" else grid) for n, v in bands.items()}
    with pytest.raises(UnreadableSceneError, match="the scene has no band B08"):
        run({"B04": sources["B04"]}, grid, None, tmp_path / "out/ndvi.tif")
    gone = {**sources, "B08": replace(sources["B08"], uri=str(tmp_path / "gone.jp2"))}
    with pytest.raises(UnreadableSceneError, match=r"gone\.jp2"):
        run(gone, grid, None, tmp_path / "out/ndvi.tif")
    other = {**sources, "B08": replace(sources["B08"], grid=make_grid(65, 64))}
    with pytest.raises(UnreadableSceneError, match="it has 64 x 64 pixels, expected 64 x 65"):
        run(other, grid, None, tmp_path / "out/ndvi.tif")
    elsewhere = {**sources, "SCL": replace(sources["SCL"], grid=replace(scl_grid, epsg=32631))}
    with pytest.raises(UnreadableSceneError, match="EPSG:32631, the product in EPSG:32630"):
        run(elsewhere, grid, None, tmp_path / "out/ndvi.tif")
    with pytest.raises(NothingToDoError):
        run(sources, grid, None, None)
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_bands_inside_a_zip(tmp_path: Path, write_band: WriteBand, compression: int) -> None:
    bands, grid, scl_grid = make_scene(300, 300, 10)
    sources = {
        n: write_band(n, v, scl_grid if n == "SCL" else grid, suffix=".jp2", block=128)
        for n, v in bands.items()
    }
    archive = tmp_path / "scene.SAFE.zip"
    with zipfile.ZipFile(archive, "w", compression) as opened:
        for name, source in sources.items():
            opened.write(source.uri, f"scene.SAFE/{name}.jp2")
    inside = {n: replace(s, uri=f"/vsizip/{{{archive}}}/scene.SAFE/{n}.jp2") for n, s in sources.items()}
    labels = burn_labels(make_parcels(grid, 9, 2), range(9), grid, 0.0)
    plain, zipped = (run(s, grid, labels, None).observations for s in (sources, inside))
    assert plain is not None
    assert zipped is not None
    assert_equal_sums(plain, zipped)

    absent = {**inside, "B08": replace(inside["B08"], uri=f"/vsizip/{archive}/scene.SAFE/B8A.jp2")}
    with pytest.raises(UnreadableSceneError, match=r"holds no scene\.SAFE/B8A\.jp2"):
        run(absent, grid, labels, None)
    content = bytearray(archive.read_bytes())
    content[2000:2600] = b"\0" * 600
    archive.write_bytes(content)
    with pytest.raises(UnreadableSceneError, match=r"B04\.jp2"):
        run(inside, grid, None, tmp_path / "out/ndvi.tif")
    assert not list(tmp_path.glob("out/*"))


def test_full_disk_is_said_and_leaves_nothing(
    tmp_path: Path, write_band: WriteBand, monkeypatch: pytest.MonkeyPatch
) -> None:
    bands, grid, scl_grid = make_scene(64, 64, 11)
    sources = {n: write_band(n, v, scl_grid if n == "SCL" else grid) for n, v in bands.items()}

    def no_space(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", no_space)
    with pytest.raises(
        OSError, match=r"cannot write ndvi\.tif: No space left on device\. It needs 1 MB"
    ) as caught:
        run(sources, grid, None, tmp_path / "out/ndvi.tif")
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.glob("out/*"))


def test_all_rasters_of_a_pass_or_none(
    tmp_path: Path, write_band: WriteBand, monkeypatch: pytest.MonkeyPatch
) -> None:
    bands, grid, scl_grid = make_scene(64, 64, 11)
    sources = {n: write_band(n, v, scl_grid if n == "SCL" else grid) for n, v in bands.items()}
    twin = replace(NDVI, name="twin")
    (tmp_path / "out/twin.tif").mkdir(parents=True)  # where the second raster should go stands a folder
    with pytest.raises(OSError, match=r"cannot write twin\.tif"):
        run_pass(
            sources,
            sources["SCL"],
            grid,
            variables=(NDVI, twin),
            labels=None,
            raster_paths={"ndvi": tmp_path / "out/ndvi.tif", "twin": tmp_path / "out/twin.tif"},
            threads=1,
        )
    assert [p.name for p in tmp_path.glob("out/*")] == ["twin.tif"]


def test_classification_that_covers_a_part(tmp_path: Path, write_band: WriteBand) -> None:
    bands, grid, _ = make_scene(60, 60, 13)
    sources = {name: write_band(name, bands[name], grid) for name in ("B04", "B08")}
    quarter = make_grid(15, 15, 20.0)
    sources["SCL"] = write_band("SCL", np.full(quarter.shape, 4, np.uint8), quarter)
    result = run(sources, grid, None, tmp_path / "ndvi.tif")
    assert result.data_fraction == 0.25
    beside = replace(quarter, x_min_m=quarter.x_min_m + 900.0)
    sources["SCL"] = replace(sources["SCL"], grid=beside)
    with pytest.raises(NothingClearError, match="no data 100%"):
        run(sources, grid, None, tmp_path / "nothing.tif")
    assert not (tmp_path / "nothing.tif").exists()


def test_a_write_that_stops_half_way_leaves_nothing(tmp_path: Path, write_band: WriteBand) -> None:
    import resource
    import signal

    bands, grid, scl_grid = make_scene(700, 700, 12)
    sources = {n: write_band(n, v, scl_grid if n == "SCL" else grid) for n, v in bands.items()}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match=r"cannot write ndvi\.tif") as caught:
            run(sources, grid, None, tmp_path / "out/ndvi.tif")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert caught.value.errno == errno.EFBIG
    assert not list(tmp_path.glob("out/*"))
