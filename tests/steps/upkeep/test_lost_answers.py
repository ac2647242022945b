"""Answers about seasons whose files are lost are made again; earlier versions are given up."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from sen4cap_core.db.models import Job, MowingRun, PracticeRun, Product
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.steps.mowing.detect import detect_mowing
from sen4cap_core.steps.practices.monitor import monitor_practices
from sen4cap_core.steps.shared.product_files import files_of_product
from sen4cap_core.steps.upkeep.check_files import check_files, repair
from tests.steps.mowing.test_mowing_way import SEASON, drop
from tests.steps.practices.test_practice_way import season as season

pytestmark = pytest.mark.service


def waiting(desk) -> list[str]:
    with desk.context.session() as session:
        kinds = ("detect-mowing", "monitor-practices", "classify-crops")
        query = select(Job.kind).where(Job.state == "waiting", Job.kind.in_(kinds))
        return sorted(session.scalars(query))


def forget_jobs(desk) -> None:
    with desk.context.session() as session:
        for job in session.scalars(select(Job)):
            job.state = "done"


def test_a_lost_file_of_the_mowings_in_force_is_made_again_and_nothing_is_told_twice(desk) -> None:
    desk.declare(n=1)
    drop(desk, SEASON[:3])
    first = detect_mowing(desk.context, 1)
    drop(desk, SEASON[3:4])
    done = detect_mowing(desk.context, 1)
    forget_jobs(desk)
    done.files["all events"].unlink()
    assert list(check_files(desk.context).found()) == ["missing products"]

    repair(desk.context, check_files(desk.context))

    assert waiting(desk) == ["detect-mowing"]
    again = detect_mowing(desk.context, 1)
    assert again.evaluation.input_key == done.evaluation.input_key
    assert again.files["all events"].is_file()
    assert again.news() == {}
    assert check_files(desk.context).found() == {}
    with pytest.raises(NothingToDoError, match="nothing new"):
        detect_mowing(desk.context, 1)

    with desk.context.session() as session:
        product = session.get_one(Product, session.scalars(select(MowingRun.product_id)).first())
        assert product.key == first.evaluation.input_key
        for path in files_of_product(desk.context.settings.data, product):
            path.unlink()
    forget_jobs(desk)
    repair(desk.context, check_files(desk.context))
    assert waiting(desk) == []
    assert check_files(desk.context).found() == {}


def test_lost_practices_are_made_again_and_what_retention_gave_up_is_not(season) -> None:
    done = monitor_practices(season.context, 1)
    harvests, catch_crops = (practice.files["CSV"] for practice in done.practices)
    forget_jobs(season)
    harvests.unlink()
    catch_crops.unlink()
    with season.context.session() as session:
        run = session.scalars(select(PracticeRun).where(PracticeRun.practice == "CC")).one()
        session.get_one(Product, run.product_id).retired_at = run.created_at

    repair(season.context, check_files(season.context))

    assert waiting(season) == ["monitor-practices"]
    again = monitor_practices(season.context, 1)
    assert [practice.task.practice for practice in again.practices] == ["NA"]
    assert harvests.is_file()
    assert not catch_crops.exists()
    assert again.left_out["CC"].startswith("nothing new")
