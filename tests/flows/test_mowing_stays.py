"""A table that leaves no grassland: the page of mowing says whose answers are in force."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import update

from flows.detect_mowing import detect_mowing
from sen4cap_core.db.models import CropCode
from sen4cap_core.simulation.uploads import write_crop_codes
from sen4cap_core.steps.uploads.tables import receive_crop_codes
from tests.flows.conftest import Server
from tests.steps.conftest import Desk
from tests.steps.mowing.test_mowing_way import SEASON, ndvi_season

pytestmark = pytest.mark.service


def test_the_page_of_mowing_says_that_its_answers_are_of_before(
    desk: Desk, server: Server, tmp_path: Path
) -> None:
    desk.declare(n=2)
    ndvi_season(desk, [(date(2019, month, day), [ndvi, 0.7]) for day, month, ndvi in SEASON])
    codes = tmp_path / "codes.csv"
    write_crop_codes(codes)
    receive_crop_codes(desk.context, desk.enter(codes, "crop-codes"))
    first = server.run(detect_mowing, 1)
    (key,) = (key for key in first.pages if key.startswith("mowing-"))
    with desk.context.session() as session:
        session.execute(update(CropCode).values(lc=0, pgrass=False, tgrass=False))

    second = server.run(detect_mowing, 1)

    stays = "the answers up to 2019-07-10 on 2 parcels stay in force"
    assert second.state == "Skipped"
    assert stays in second.message
    assert stays in second.pages[key]
    assert ".gpkg" in second.pages[key]
