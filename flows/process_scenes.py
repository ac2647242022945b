"""Scenes of a backlog, several in one run: starting and ending a run costs more than a small scene."""

from __future__ import annotations

from prefect import flow

from flows.process_scene import show_scene
from flows.runtime import each_by_itself, name_run, scope_tags, step_context
from sen4cap_core.steps.acquisitions.subject import Subject, find_subject
from sen4cap_core.steps.scenes.process import process_scene


@flow(name="process-scenes")
def process_scenes(scene_ids: list[int]) -> dict[int, str | None]:
    """Do for each of some scenes what a run of process-scene does; each has its page.

    Args:
        scene_ids: numbers of scenes of one site.

    Returns
    -------
    For each scene None, or why it came to nothing. Such a scene has a second try in a run of its own, whose
    state says how it ends: skipped, failed, or done.
    """
    context = step_context()
    subjects: list[Subject] = []

    def process(scene_id: int) -> None:
        subject = find_subject(context, scene_id)
        subjects.append(subject)
        show_scene(context, process_scene(context, subject))

    reasons = each_by_itself(scene_ids, process, "scene {}")
    if subjects:
        name_run(_name(subjects), scope_tags(subjects[0].site, year=subjects[0].year))
    return reasons


def _name(subjects: list[Subject]) -> str:
    first, *others = subjects
    return f"process-scenes {first.tile} {first.acquired_at:%Y-%m-%d} and {len(others)} more"
