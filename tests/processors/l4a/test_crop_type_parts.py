"""Parts of the crop type map against independent answers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics
from sklearn.ensemble import RandomForestClassifier

from sen4cap_core.clock import to_days
from sen4cap_core.declarations.settings.crop_type_settings import CropTypeConfig
from sen4cap_core.errors import ConfigurationError
from sen4cap_core.observations.radar_composites import week_of
from sen4cap_core.processors.l4a.crop_type.accuracy import measure, weigh_by_area
from sen4cap_core.processors.l4a.crop_type.classify import counted
from sen4cap_core.processors.l4a.crop_type.config import read_crop_type_config
from sen4cap_core.processors.l4a.crop_type.features import build_features
from sen4cap_core.processors.l4a.crop_type.files_out import write_csv
from sen4cap_core.processors.l4a.crop_type.learners import best_temperature, train
from sen4cap_core.processors.l4a.crop_type.model import CropClasses, DayCell, Features, SeasonSeries
from sen4cap_core.processors.l4a.crop_type.selection import select
from sen4cap_core.processors.l4a.crop_type.smote import fill_up_classes
from sen4cap_core.processors.l4a.crop_type.tables_out import confusion_frame
from sen4cap_core.processors.l4a.crop_type.temporal import Course

RNG = np.random.default_rng(7)


def test_tiles_merged_by_their_counts_equal_all_pixels_together() -> None:
    cell = DayCell.empty(3)
    pixels = [RNG.normal(0.4, 0.1, n) for n in (17, 1, 30)]
    for part in pixels:
        cell.add(
            np.array([1]), np.array([len(part)], np.int32), np.array([part.mean()]),
            np.array([part.std(ddof=1) if len(part) > 1 else 0.0]),
        )  # fmt: skip
    together = np.concatenate(pixels)

    assert cell.n.tolist() == [0, 48, 0]
    assert cell.mean[1] == pytest.approx(together.mean(), abs=1e-6)
    assert cell.std[1] == pytest.approx(together.std(ddof=1), abs=1e-6)
    assert np.isnan(cell.mean[[0, 2]]).all()


@pytest.mark.parametrize(
    "day", ["2019-01-01", "2019-01-07", "2018-12-31", "2020-02-29", "2024-12-30", "2018-01-01"]
)
def test_weeks_are_those_of_strftime_held_within_1_and_52(day: str) -> None:
    moment = datetime.fromisoformat(day).date()
    expected = min(max(int(moment.strftime("%W")), 1), 52)

    assert week_of(to_days(moment)) == (moment.year, expected)


def series_of(days: dict[int, list[float]], variable: str, orbit: str = "") -> SeasonSeries:
    n = len(next(iter(days.values())))
    series = SeasonSeries(n)
    for day, means in days.items():
        cell = series.cell((variable, orbit), day)
        seen = ~np.isnan(means)
        cell.add(
            np.flatnonzero(seen),
            np.full(seen.sum(), 5, np.int32),
            np.array(means)[seen],
            np.full(seen.sum(), 0.1),
        )
    return series


def test_optical_features_have_the_original_names_and_interpolated_values() -> None:
    first = to_days(datetime(2019, 4, 1).date())
    nan = np.nan
    series = series_of({first: [0.1, nan], first + 4: [nan, 0.3], first + 20: [0.3, 0.5]}, "b04")
    for day, means in {first: [0.5, nan], first + 4: [nan, 0.3], first + 20: [0.5, 0.7]}.items():
        cell = series.cell(("b08", ""), day)
        seen = ~np.isnan(means)
        cell.add(
            np.flatnonzero(seen),
            np.full(seen.sum(), 5, np.int32),
            np.array(means)[seen],
            np.full(seen.sum(), 0.1),
        )

    features = build_features(series, CropTypeConfig(mode="s2-only"))

    column = {name: features.values[:, i] for i, name in enumerate(features.names)}
    assert features.names[:3] == (
        "XX_2019_04_01_s2_mean_b4",
        "XX_2019_04_01_s2_mean_b8",
        "XX_2019_04_01_s2_mean_ndvi",
    )
    assert features.names[-1] == "XX_2019_04_21_s2_dev_ndvi"
    np.testing.assert_allclose(column["XX_2019_04_11_s2_mean_b4"], [0.2, 0.3 + 0.2 * 6 / 16], atol=1e-6)
    np.testing.assert_allclose(column["XX_2019_04_01_s2_mean_b4"], [0.1, 0.3], atol=1e-6)
    np.testing.assert_allclose(column["XX_2019_04_11_s2_mean_ndvi"][0], 0.3 / 0.7, atol=1e-6)
    assert features.gap_days.tolist() == [20, 16]


@pytest.mark.parametrize(
    ("mode", "radar", "expected"),
    [("both", True, {"b4", "b5", "vv"}), ("both", False, {"b4"}), ("s2-only", True, {"b4"}),
     ("s1-only", True, {"vv"})],
)  # fmt: skip
def test_the_red_edge_is_used_where_there_is_radar(mode: str, radar: bool, expected: set[str]) -> None:
    day = to_days(datetime(2019, 7, 1).date())
    series = series_of({day: [0.1, 0.2], day + 10: [0.2, 0.3]}, "b04")
    series.cells |= series_of({day: [0.3, 0.2], day + 10: [0.2, 0.4]}, "b05").cells
    if radar:
        series.cells |= series_of({day: [0.1, 0.2], day + 7: [0.2, 0.3]}, "vv", "ASC").cells

    features = build_features(series, CropTypeConfig(mode=mode))

    told = {name: {part.lower() for part in name.split("_")} for name in features.names}
    assert {one for parts in told.values() for one in parts & {"b4", "b5", "vv"}} == expected


def test_radar_features_fill_a_missing_week_and_keep_the_original_names() -> None:
    monday = to_days(datetime(2019, 7, 1).date())
    nan = np.nan
    series = series_of({monday: [0.1, 0.1], monday + 7: [0.3, nan], monday + 14: [0.2, 0.5]}, "vv", "ASC")
    for day, means in {monday: [0.02, 0.01], monday + 7: [0.03, 0.02], monday + 14: [0.04, nan]}.items():
        cell = series.cell(("vh", "ASC"), day)
        seen = ~np.isnan(means)
        cell.add(
            np.flatnonzero(seen),
            np.full(seen.sum(), 5, np.int32),
            np.array(means)[seen],
            np.full(seen.sum(), 0.01),
        )

    features = build_features(series, CropTypeConfig())

    column = {name: features.values[:, i] for i, name in enumerate(features.names)}
    np.testing.assert_allclose(column["XX_W201927_ASC_VV_BCK_MEAN"], [0.3, 0.3], atol=1e-6)
    np.testing.assert_allclose(column["XX_W201928_ASC_VH_BCK_MEAN"], [0.04, 0.02], atol=1e-6)
    np.testing.assert_allclose(column["XX_W201927_ASC_RATIO_BCK_MEAN"], [10, 15], rtol=1e-5)
    weekly = np.array([0.1, 0.3, 0.2])
    np.testing.assert_allclose(column["XX_M201907_ASC_VV_BCK_MEAN_MEAN"][0], weekly.mean(), rtol=1e-5)
    np.testing.assert_allclose(
        column["XX_M201907_ASC_VV_BCK_CVAR_MEAN"][0], weekly.std() / weekly.mean(), rtol=1e-5
    )
    assert not features.is_unknown.any()


def test_smote_makes_what_is_asked_for_between_near_neighbours_of_the_class() -> None:
    values = np.concatenate([RNG.normal(0, 1, (12, 4)), RNG.normal(5, 1, (60, 4))]).astype(np.float32)
    values[:, 3] *= 1000
    labels = np.r_[np.full(12, 3), np.full(60, 8)].astype(np.int64)

    filled, filled_labels = fill_up_classes(values, labels, 50, 3, seed=1)
    again, _ = fill_up_classes(values, labels, 50, 3, seed=1)

    np.testing.assert_array_equal(filled, again)
    np.testing.assert_array_equal(filled[:72], values)
    assert np.unique(filled_labels, return_counts=True)[1].tolist() == [50, 60]
    mine, scale = values[:12] / values.std(axis=0), values.std(axis=0)
    distance = np.linalg.norm(mine[:, None] - mine, axis=2)
    near = np.argsort(distance, axis=1)[:, 1:4]
    for made in filled[72:] / scale:
        on_a_segment = [
            abs(np.linalg.norm(made - mine[i]) + np.linalg.norm(made - mine[j]) - distance[i, j]) < 1e-4
            for i in range(12)
            for j in near[i]
        ]
        assert any(on_a_segment)


def test_the_parity_forest_is_the_one_the_original_grows_on_the_samples_smote_filled_up() -> None:
    labels = np.repeat(np.array([3, 8]), [12, 40])
    values = RNG.normal(labels[:, None] / 4, 1, (52, 9)).astype(np.float32)
    config = CropTypeConfig(num_trees=15, smote_target=40, min_node_size=10)

    found = train(values, labels, tuple("abcdefghi"), config, "sen4cap")

    filled, filled_labels = fill_up_classes(values, labels, 40, 5, config.seed)
    # No split of 10 samples or fewer, three of nine features at each: as ranger was told.
    forest = RandomForestClassifier(
        15, criterion="gini", max_features=3, min_samples_split=11, random_state=config.seed
    ).fit(filled, filled_labels)
    asked = RNG.normal(1, 2, (200, 9)).astype(np.float32)
    np.testing.assert_allclose(found.learner.probabilities(asked), forest.predict_proba(asked))
    assert np.unique(found.labels, return_counts=True)[1].tolist() == [40, 40]
    defaults = CropTypeConfig()
    assert (defaults.num_trees, defaults.min_node_size, defaults.smote_target, defaults.smote_k) == (
        300, 10, 1000, 5,
    )  # fmt: skip


def test_accuracy_equals_scikit_learn() -> None:
    classes = np.array([2, 5, 9], np.int64)
    declared = RNG.choice(classes, 300)
    predicted = np.where(RNG.random(300) < 0.6, declared, RNG.choice(classes, 300))

    found = measure(predicted, declared, classes)

    assert found.overall == pytest.approx(metrics.accuracy_score(declared, predicted))
    assert found.kappa == pytest.approx(metrics.cohen_kappa_score(declared, predicted))
    np.testing.assert_array_equal(found.confusion.T, metrics.confusion_matrix(declared, predicted))
    np.testing.assert_allclose(found.f_score, metrics.f1_score(declared, predicted, average=None))
    assert found.macro_f == pytest.approx(metrics.f1_score(declared, predicted, average="macro"))


def test_area_weighting_equals_the_worked_example_of_olofsson_2014() -> None:
    confusion = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
    mapped_ha = np.array([18_000.0, 13_500.0, 288_000.0, 580_500.0])

    found = weigh_by_area(confusion, mapped_ha, np.arange(4))

    assert found.overall == pytest.approx(0.95, abs=0.005)
    assert found.overall_ci == pytest.approx(0.02, abs=0.005)
    np.testing.assert_allclose(found.user, [0.88, 0.73, 0.93, 0.96], atol=0.006)
    np.testing.assert_allclose(found.user_ci, [0.07, 0.10, 0.04, 0.02], atol=0.006)
    np.testing.assert_allclose(found.producer, [0.75, 0.85, 0.93, 0.96], atol=0.006)
    assert found.estimated_ha[0] == pytest.approx(21_158, abs=2)
    assert found.estimated_ha_ci[0] == pytest.approx(6_158, abs=10)


def test_intervals_of_producer_accuracy_and_area_equal_a_bootstrap_of_the_strata() -> None:
    confusion = np.array([[160, 10, 30], [12, 240, 18], [20, 40, 340]])
    mapped_ha = np.array([300.0, 500.0, 1200.0])
    n = confusion.sum(axis=1)
    drawn = np.stack([RNG.multinomial(n[i], confusion[i] / n[i], 4000) for i in range(3)], axis=1)
    area = mapped_ha[:, None] * drawn / n[:, None]
    producer = area.diagonal(axis1=1, axis2=2) / area.sum(axis=1)

    found = weigh_by_area(confusion, mapped_ha, np.arange(3))

    np.testing.assert_allclose(found.producer_ci, 1.96 * producer.std(axis=0), rtol=0.06)
    np.testing.assert_allclose(found.estimated_ha_ci, 1.96 * area.sum(axis=1).std(axis=0), rtol=0.06)


def test_strategies_follow_the_size_of_the_class() -> None:
    sizes = {1: 60, 2: 30, 3: 12, 4: 3}
    declared = np.repeat(list(sizes), list(sizes.values())).astype(np.int64)
    n = len(declared)
    pixels = np.full(n, 20, np.int64)
    pixels[0], pixels[1] = 2, 5
    cover = np.ones(n, np.int64)
    cover[2] = 5
    none = np.full(n, "", object)
    classes = CropClasses(
        np.arange(n).astype(str).astype(object), declared, cover, np.ones(n), pixels, pixels,
        np.ones(n, bool),
        {}, none, none,
    )  # fmt: skip
    features = Features(
        ("XX_s2_a",),
        np.zeros((n, 1), np.float32),
        np.zeros(n, bool),
        (),
        np.zeros(n, np.float32),
        np.zeros(n, np.int32),
    )
    config = CropTypeConfig(pa_min=5, pa_train_h=50, pa_train_l=25, smote_target=10)

    found = select(classes, features, config, "sen4cap")

    assert found.strategy == {1: 1, 2: 2, 3: 3}
    chosen = declared[found.calibration]
    assert [(chosen == k).sum() for k in (1, 2, 3)] == [round(57 * 0.25), 10, 9]
    assert 1 in found.validation
    assert found.reasons[0] == "fewer than 3 Sentinel-2 pixels"
    assert found.reasons[2] == "land cover 5 is not classified"
    assert found.reasons[-1].startswith("rare crop type: 3 parcels to learn from, 5 are needed (pa_min: ")
    assert len(found.calibration) + len(found.validation) == n - 2 - 3


def test_coherence_of_both_orbits_is_taken_together_and_deviations_of_0_count() -> None:
    january = to_days(datetime(2019, 1, 7).date())
    rng = np.random.default_rng(2)
    means = {orbit: rng.uniform(0.2, 0.9, 12) for orbit in ("ASC", "DESC")}
    series = SeasonSeries(1)
    for orbit, values in means.items():
        for week, value in enumerate(values):
            std = 0.0 if week % 2 else 0.1
            series.cell(("coh_vv", orbit), january + 7 * week).add(
                np.array([0]), np.array([5], np.int32), np.array([value]), np.array([std])
            )

    features = build_features(series, CropTypeConfig(mode="s1-only"))

    found = dict(zip(features.names, features.values[0], strict=True))
    every = np.concatenate(list(means.values())).astype(np.float32)
    assert found["XX_S_VV_COHE_STDDEV_MEAN"] == pytest.approx(every.std(), rel=1e-5)
    assert found["XX_S_VV_COHE_STDDEV_DEV"] == pytest.approx(0.05, rel=1e-5)
    february = np.concatenate([values[4:8] for values in means.values()])
    low = np.quantile(february, 0.1, method="interpolated_inverted_cdf")
    assert found["XX_M201902_VV_COHE_MEAN_MEAN"] == pytest.approx(february.mean(), rel=1e-5)
    assert found["XX_M201902_VV_COHE_MIN_MEAN"] == pytest.approx(low, rel=1e-5)
    assert found["XX_M201902_VV_COHE_MEAN_DEV"] == pytest.approx(0.05, rel=1e-5)
    assert found["XX_M201902_VV_COHE_MIN_DEV"] == 0


def test_classes_of_which_a_part_was_taken_count_as_often_as_they_occur() -> None:
    random = np.random.default_rng(4)
    labels = np.repeat(np.array([2, 9]), 40)
    values = random.normal(0, 1, (80, 3)).astype(np.float32)
    config, names = CropTypeConfig(num_trees=20), ("a", "b", "c")
    plain = train(values, labels, names, config, "default")

    told = train(values, labels, names, config, "default", {2: 1.0, 9: 4.0})

    odds = [
        t.learner.probabilities(values)[:, 1] / t.learner.probabilities(values)[:, 0] for t in (plain, told)
    ]
    np.testing.assert_allclose(odds[1], 4 * odds[0], rtol=1e-9)
    np.testing.assert_allclose(told.calibration.sum(axis=1), 1)
    assert (told.calibration[:, 1] > plain.calibration[:, 1]).all()


def test_reasons_are_counted_by_kind_where_only_their_numbers_differ() -> None:
    reasons = np.array(["rare: 1", "rare: 2", None, "land cover 5: no"], object)

    assert counted(reasons) == "2 parcels: rare; 1 parcels: land cover 5: no"


def test_counts_of_the_confusion_stay_whole_numbers_in_the_file(tmp_path: Path) -> None:
    classes = np.array([3, 7])
    accuracy = measure(np.array([3, 3, 7]), np.array([3, 7, 7]), classes)

    path = write_csv(confusion_frame(accuracy), tmp_path / "confusion.csv")

    assert path.read_text().splitlines() == [
        "pred,3,7,sum_class,well_class,user_accuracy",
        "3,1,1,2,1,0.5",
        "7,0,1,1,1,1.0",
        "sum_dec,1,2,NA,NA,NA",
        "well_class,1,1,NA,NA,NA",
        "producer_accuracy,1.0,0.5,NA,NA,0.6666666666666666",
    ]


def test_the_course_of_a_series_tells_when_it_is_high_and_how_steep() -> None:
    names = (
        *tuple(f"XX_2019_0{month}_01_s2_mean_{band}" for month in (4, 5, 6) for band in ("b3", "b4", "b6")),
        "XX_W201914_ASC_VV_BCK_MEAN",
        "XX_W201915_ASC_VV_BCK_MEAN",
        "XX_S_VV_COHE_STDDEV_MEAN",
    )
    values = np.array([[0.1, 0.1, 0.2, 0.1, 0.3, 0.4, 0.1, 0.0, 0.5, 1.0, np.e, 0.7]], np.float32)

    found = Course.of(names).extended(values)[0]

    assert found[:12] == pytest.approx(values[0])
    assert found[12:15] == pytest.approx([0, -0.5, 1]), "(b3 - b4) / (b3 + b4)"
    assert found[15:18] == pytest.approx([0, 0.5, -0.2]), "(b4 - b3) / b6"
    of_each = found[18:].reshape(-1, 16)
    assert len(of_each) == 6, "three bands, two indices, one series of weeks; the season's value is no series"
    assert of_each[1] == pytest.approx(
        [0.4 / 3, np.std([0.1, 0.3, 0.0]), 0, 0, 0, 0.1, 0.3, 0.3, 0.3, 1, 2, 0.25, 0.2, -0.3, 0, 1]
    )
    assert of_each[-1][0] == pytest.approx(0.5), "radar as its logarithm"


def test_the_temperature_of_answers_that_are_right_as_often_as_they_say_is_1() -> None:
    p = RNG.dirichlet([1, 1, 1], 20_000)
    which = (RNG.random((len(p), 1)) > p.cumsum(axis=1)).sum(axis=1).clip(max=2)

    assert best_temperature(p, which) == pytest.approx(1, abs=0.05)
    assert best_temperature(p**3 / (p**3).sum(axis=1, keepdims=True), which) == pytest.approx(3, abs=0.2)


def test_the_keys_of_the_original_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "l4a.yaml"
    path.write_text("processor.s4c_l4a.lc: 13\npa-min: 12\nnum-trees: 20\nmode: s2-only\n")

    found = read_crop_type_config(path)

    assert (found.land_covers, found.pa_min, found.num_trees, found.mode) == ((1, 3), 12, 20, "s2-only")
    path.write_text("lc: All\n")
    assert read_crop_type_config(path).land_covers == (0, 1, 2, 3, 4, 5)
    path.write_text("pa-mni: 12\n")
    with pytest.raises(ConfigurationError, match="pa_min"):
        read_crop_type_config(path)
