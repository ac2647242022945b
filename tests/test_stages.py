"""Parts of long work: what is said of them, and how far the whole is."""

from __future__ import annotations

import pytest

from sen4cap_core.stages import Stages


def test_parts_are_numbered_named_and_add_up() -> None:
    said: list[str] = []
    shown: list[float] = []
    stages = Stages({"read": 1, "learn": 3}, said.append, shown.append)

    stages.begin("read")
    learning = stages.begin("learn")
    learning(0.5)
    learning(1.0)
    stages.end()

    assert said == ["step 1 of 2: read", "step 2 of 2: learn"]
    assert shown == pytest.approx([0.0, 0.25, 0.625, 1.0, 1.0])


def test_a_part_nobody_named_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Stages({"read": 1}).begin("write")
