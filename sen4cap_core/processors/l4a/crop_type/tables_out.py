"""The tables of a crop type run, with the original's names and columns."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sen4cap_core.processors.l4a.crop_type.accuracy import Accuracy, AreaAccuracy
from sen4cap_core.processors.l4a.crop_type.classify import NONE, CropMap
from sen4cap_core.processors.l4a.crop_type.model import CropClasses, Features

PREDICTION_COLUMNS = ("CT_decl", "CT_pred_1", "CT_conf_1", "CT_pred_2", "CT_conf_2")
CONFORM_TEXTS = {-1: "", 0: "not conform", 1: "conform", 2: "conform with the second"}
LARGEST_CONFUSIONS = 3


def predictions_frame(classes: CropClasses, features: Features, crop_map: CropMap) -> pd.DataFrame:
    """Return one row per parcel: the original's columns, then ours (conformity, doubt, reason, gaps)."""

    def whole(values: np.ndarray) -> pd.Series:
        return pd.Series(values).where(values >= 0).astype("Int64")

    ids = classes.ids.tolist()
    are_numbers = all(i.isdigit() and (i == "0" or not i.startswith("0")) for i in ids)
    frame = pd.DataFrame({"NewID": [int(i) for i in ids] if are_numbers else ids})
    frame["Ori_crop"] = classes.crop_codes
    frame["Area_meters"] = classes.area_m2
    frame["S1Pix"], frame["S2Pix"] = whole(classes.s1_pix), whole(classes.s2_pix)
    frame["CTnumL4A"] = whole(classes.declared)
    frame["CTL4A"] = [classes.names.get(n, "") for n in classes.declared.tolist()]
    frame["LC"] = whole(classes.land_cover)
    if len(set(classes.stratum.astype(str).tolist())) > 1:
        frame["Stratum"] = classes.stratum
    frame["CT_decl"] = whole(classes.declared)
    frame["CT_pred_1"], frame["CT_conf_1"] = whole(crop_map.pred_1), crop_map.conf_1
    second = crop_map.pred_2
    frame["CT_pred_2"] = whole(np.where(second == NONE, -1, second))
    frame["CT_conf_2"] = crop_map.conf_2
    frame["Conform"] = [CONFORM_TEXTS[code] for code in crop_map.conform.tolist()]
    frame["Doubtful"] = crop_map.is_doubtful.astype(np.int8)
    frame["Reason"] = [reason or "" for reason in crop_map.reasons.tolist()]
    frame["Gap_days"] = whole(features.gap_days.astype(np.int64))
    frame["Filled_share"] = np.round(features.filled_share.astype(np.float64), 3)
    lacks = np.full(len(ids), "", object)
    for name, rows in features.lacks:
        lacks[rows] = [f"{text}; {name}" if text else name for text in lacks[rows].tolist()]
    frame["Lacks"] = lacks
    return frame


def summary_frame(classes: CropClasses, crop_map: CropMap) -> pd.DataFrame:
    """Count and area by declared crop type: ``Crop_types_summary`` of the original, largest area first."""
    known = classes.declared >= 0
    frame = pd.DataFrame({"CTnumL4A": classes.declared[known], "Area": np.nan_to_num(classes.area_m2[known])})
    grouped = frame.groupby("CTnumL4A")["Area"].agg(["size", "sum"]).reset_index()
    grouped.columns = pd.Index(["CTnumL4A", "Count", "Area"])
    strategy = [crop_map.strategy.get(n, 0) for n in grouped["CTnumL4A"].tolist()]
    total_area = grouped["Area"].sum()
    out = pd.DataFrame(
        {
            "CTnumL4A": grouped["CTnumL4A"],
            "CTL4A": [classes.names.get(n, "") for n in grouped["CTnumL4A"].tolist()],
            "Count": grouped["Count"],
            "Countratio": grouped["Count"] / grouped["Count"].sum(),
            "Area": grouped["Area"],
            "Arearatio": grouped["Area"] / total_area if total_area > 0 else np.nan,
            "Classified": [int(number > 0) for number in strategy],
            "Strategy": strategy,
        }
    )
    return out.sort_values(["Area", "Count", "CTnumL4A"], ascending=[False, False, True], ignore_index=True)


def metrics_frame(crop_map: CropMap) -> pd.DataFrame:
    """Accuracy and Kappa as the original; beside them macro F and the estimate by area."""
    accuracy, by_area = crop_map.accuracy, crop_map.by_area
    assert accuracy is not None
    return pd.DataFrame(
        {
            "Accuracy": [accuracy.overall],
            "Kappa": [accuracy.kappa],
            "Macro_F": [accuracy.macro_f],
            "Area_accuracy": [by_area.overall if by_area else np.nan],
            "Area_accuracy_ci95": [by_area.overall_ci if by_area else np.nan],
            "N_validation": [int(accuracy.confusion.sum())],
        }
    )


def confusion_frame(accuracy: Accuracy) -> pd.DataFrame:
    """Rows predicted, columns declared, with sums and accuracies as the original lays them out."""
    labels = [str(n) for n in accuracy.classes.tolist()]
    right = np.diag(accuracy.confusion)
    frame = pd.DataFrame(accuracy.confusion, columns=labels).astype(object)
    frame.insert(0, "pred", labels)
    # Counts stay whole numbers beside the empty cells of the foot.
    frame["sum_class"] = pd.Series(accuracy.confusion.sum(axis=1).tolist(), dtype=object)
    frame["well_class"] = pd.Series(right.tolist(), dtype=object)
    frame["user_accuracy"] = accuracy.user
    foot = {
        "sum_dec": accuracy.confusion.sum(axis=0).tolist(),
        "well_class": right.tolist(),
        "producer_accuracy": accuracy.producer.tolist(),
    }
    for name, values in foot.items():
        overall = accuracy.overall if name == "producer_accuracy" else np.nan
        frame.loc[len(frame)] = [name, *values, pd.NA, pd.NA, overall]
    return frame


def user_frame(accuracy: Accuracy, names: dict[int, str]) -> pd.DataFrame:
    """What each predicted class was declared as: user accuracy and the three largest confusions."""
    return _largest(accuracy.confusion, accuracy, names, "sum_class", "user_accuracy", accuracy.user)


def producer_frame(accuracy: Accuracy, names: dict[int, str]) -> pd.DataFrame:
    """What each declared class was taken for: producer accuracy and the three largest confusions."""
    return _largest(accuracy.confusion.T, accuracy, names, "sum_dec", "producer_accuracy", accuracy.producer)


def _largest(
    counts: np.ndarray, accuracy: Accuracy, names: dict[int, str], total: str, share: str, values: np.ndarray
) -> pd.DataFrame:
    rows = []
    for i, number in enumerate(accuracy.classes.tolist()):
        row: dict[str, object] = {
            "CTnumL4A": number, "CTL4A": names.get(number, ""), total: int(counts[i].sum()),
            "well_class": int(counts[i, i]), share: values[i],
        }  # fmt: skip
        others = counts[i].copy()
        others[i] = 0
        order = np.argsort(-others, kind="stable")[:LARGEST_CONFUSIONS]
        for place in range(LARGEST_CONFUSIONS):
            n = int(others[order[place]]) if place < len(order) else 0
            row[f"conf_class{place + 1}"] = int(accuracy.classes[order[place]]) if n else pd.NA
            row[f"conf_per{place + 1}"] = round(100 * n / counts[i].sum(), 1) if n else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def area_frame(by_area: AreaAccuracy, accuracy: Accuracy, names: dict[int, str]) -> pd.DataFrame:
    """Accuracy and area by class with 95 % intervals (Olofsson et al. 2014)."""
    return pd.DataFrame(
        {
            "CTnumL4A": by_area.classes,
            "CTL4A": [names.get(n, "") for n in by_area.classes.tolist()],
            "F_score": accuracy.f_score,
            "User_accuracy": by_area.user,
            "User_ci95": by_area.user_ci,
            "Producer_accuracy": by_area.producer,
            "Producer_ci95": by_area.producer_ci,
            "Mapped_ha": by_area.mapped_ha,
            "Estimated_ha": by_area.estimated_ha,
            "Estimated_ha_ci95": by_area.estimated_ha_ci,
        }
    )


def doubtful_frame(predictions: pd.DataFrame, names: dict[int, str]) -> pd.DataFrame:
    """Declarations the map contradicts, the most confident first: where an inspector looks first."""
    rows = predictions[predictions["CT_pred_1"].notna() & (predictions["Conform"] != CONFORM_TEXTS[1])]
    rows = rows.sort_values(["CT_conf_1", "Area_meters", "NewID"], ascending=[False, False, True])
    frame = rows[["NewID", "Ori_crop", "Area_meters", *PREDICTION_COLUMNS]].copy()
    frame.insert(3, "Declared", [names.get(n, "") for n in rows["CT_decl"].tolist()])
    frame.insert(4, "Predicted", [names.get(n, "") for n in rows["CT_pred_1"].tolist()])
    return frame.reset_index(drop=True)
