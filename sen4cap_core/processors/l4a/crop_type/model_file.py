"""The models of a run and what they were made from, on disk."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path

from sen4cap_core import __version__
from sen4cap_core.files import atomic_path, write_text_atomic
from sen4cap_core.processors.l4a.crop_type.classify import CropMap


def write_models(
    crop_map: CropMap, path: Path, provenance: Mapping[str, object], feature_names: tuple[str, ...]
) -> tuple[Path, Path]:
    """Write ``<path>.joblib`` (the learners by stratum) and ``<path>.json`` (what they are).

    The joblib file is Python's own format: load only files that this system wrote, for loading one runs what
    it holds.
    """
    import joblib
    import sklearn

    models = path.with_name(path.name + ".joblib")
    with atomic_path(models) as temporary:
        joblib.dump({model.stratum: model.learner for model in crop_map.models}, temporary, compress=3)
    facts = {
        "method": crop_map.method,
        "config": crop_map.config.model_dump(mode="json"),
        "features": list(feature_names),
        "models": [
            {
                "stratum": model.stratum,
                "classes": model.learner.classes.tolist(),
                "strategy": {str(k): v for k, v in sorted(model.selection.strategy.items())},
                "n_calibration": len(model.selection.calibration),
                "n_validation": len(model.selection.validation),
                "n_learnt_from": model.n_learnt_from,
                "temperature": model.learner.temperature,
                "kernel_share": model.learner.kernel_share,
            }
            for model in crop_map.models
        ],
        "software": {
            "sen4cap": __version__, "scikit-learn": sklearn.__version__, "python": platform.python_version()
        },
        **provenance,
    }  # fmt: skip
    description = path.with_name(path.name + ".json")
    write_text_atomic(description, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    return models, description
