"""``sen4cap demo``: a simulated season through the real system, compared with its known truth."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from sen4cap_core.cli.terminal.invocation import own_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

    from sen4cap_core.service.place import Place
    from sen4cap_core.simulation.season import Season, SeasonTruth
    from sen4cap_core.steps.shared.context import Context

SITE = "demo"
POLL_SECONDS = 1.0
PATIENCE_SECONDS = 900.0
"""Without any progress for so long the demo gives up and says where to look."""


def register(app: typer.Typer) -> None:
    """Add this command to the top level."""
    app.command(rich_help_panel="To try it out")(demo)


def demo(
    size_m: Annotated[float, typer.Option(min=1000, help="Edge of the simulated area in metres.")] = 3000.0,
    dates: Annotated[int, typer.Option(min=1, help="Number of Sentinel-2 dates.")] = 30,
    seed: Annotated[int, typer.Option(help="Another seed is another landscape and another weather.")] = 1,
) -> None:
    """Start everything, drop a simulated season, and compare the mowings found with the truth."""
    from rich.console import Console

    from sen4cap_core.service import control
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.service.place import Place
    from sen4cap_core.settings import Settings
    from sen4cap_core.simulation.season import Season

    console = Console(highlight=False)
    started = time.monotonic()
    place = Place(Settings())
    # Before anything is started: it says so at once where there is no such season.
    season = Season(seed=seed, size_m=size_m, n_dates=dates, bands="10m-only-ndvi")
    console.print("[bold]1. Services[/]")
    control.up(place, lambda line: console.print(f"   {line}"))
    console.print(
        f"[bold]2. A simulated season[/] of {size_m / 1000:g} x {size_m / 1000:g} km, {dates} dates"
    )
    scenes = _simulate(place, season, console)
    console.print(f"[bold]3. Dropped into[/] {place.settings.uploads_root / SITE}")
    context = open_step_context()
    _follow(context, len(scenes), console)
    console.print("[bold]4. What was found, against the truth[/]")
    console.print(_score(context, season.truth))
    _say_where_to_look(place, console)
    console.print(f"Done in {(time.monotonic() - started) / 60:.1f} minutes. The services stay up.")


def _simulate(place: Place, season: Season, console: Console) -> list[Path]:
    """Write the season into the upload folder; each product appears whole, what is there already stays."""
    from sen4cap_core.cli.terminal.shown_steps import ShownSteps

    target = place.settings.uploads_root / SITE
    folder = target / str(season.truth.year) / "scenes"
    scenes = []
    with ShownSteps(console, transient=True) as shown:
        files: list[Callable[[], object]] = [
            lambda: season.write_truth(place.home / "truth" / SITE),
            lambda: season.write_site(target, name="Demonstration", with_radar=True),
            lambda: season.write_declarations(target),
        ]
        for write in shown.track("writing truth, site and declarations", files):
            write()
        for one in shown.track("simulating scenes", season.passes):
            path = folder / f"{season.acquisition(one).product_id}.SAFE"
            scenes.append(path if path.exists() else season.write_scene(one, folder))
        radar = season.radar()
        for one_radar in shown.track("simulating radar", radar.passes):
            scenes += radar.write_pass(one_radar, folder)
    return scenes


def _follow(context: Context, total: int, console: Console) -> None:
    """Show how far the service is until everything dropped has been answered."""
    from sen4cap_core.cli.terminal.reasons import indented
    from sen4cap_core.cli.terminal.shown_steps import ShownSteps
    from sen4cap_core.db.overview.progress import site_progress
    from sen4cap_core.db.work.backlog import counts
    from sen4cap_core.errors import Sen4capError

    with ShownSteps(console) as shown:
        received = shown.add("uploads answered", total)
        processed = shown.add("scenes processed", total)
        evaluated = shown.add("mowing evaluated", 1)
        last, last_change = None, time.monotonic()
        while True:
            with context.session() as session:
                now = site_progress(session, SITE)
                shown.note(_under_way(counts(session, SITE)))
            shown.update(received, now.uploads_answered, max(now.uploads, total))
            shown.update(processed, now.scenes_processed, total)
            if now.is_quiet and now.scenes_processed >= total and now.evaluated:
                shown.update(evaluated, 1, 1)
                return
            if now != last:
                last, last_change = now, time.monotonic()
            if now.failures or now.rejections or time.monotonic() - last_change > PATIENCE_SECONDS:
                told = [*(f"{what}: {why}" for what, why in now.failures), *(r.why for r in now.rejections)]
                reason = "\n".join(told) or f"nothing has happened for {PATIENCE_SECONDS:.0f} s"
                raise Sen4capError(f"The demo did not get through. See: sen4cap status\n{indented(reason)}")
            time.sleep(POLL_SECONDS)


def _under_way(jobs: dict[str, dict[str, int]]) -> str:
    """Say what kinds of work run or wait."""
    told = [
        f"{kind}: "
        + ", ".join(f"{states[state]} {state}" for state in ("running", "waiting") if state in states)
        for kind, states in jobs.items()
        if "running" in states or "waiting" in states
    ]
    return "; ".join(told) or "nothing waits yet"


def _score(context: Context, truth: SeasonTruth) -> str:
    from sen4cap_core.db.made.mowing import found_mowings
    from sen4cap_core.reports.scores.demo_score import score_mowing, score_text

    with context.session() as session:
        found = found_mowings(session, SITE)
    parcel_of_unit = dict(zip(truth.parcels["unit"], truth.parcels["parcel_id"], strict=True))
    true = [(parcel_of_unit[m.unit], m.day) for m in truth.mowings if parcel_of_unit[m.unit] in found.judged]
    return score_text(score_mowing(found.events, true))


def _page_of(place: Place, key: str) -> str:
    """Return the address of the newest artifact with a key."""
    from sen4cap_core.service.prefect_api import PrefectApi

    url = place.prefect_api_url()
    with PrefectApi(url, login=place.prefect_login()) as api:
        artifact = api.latest_artifact(key)
    return f"{url.removesuffix('/api')}/artifacts/artifact/{artifact}"


def _say_where_to_look(place: Place, console: Console) -> None:
    interface = place.prefect_api_url().removesuffix("/api")
    console.print(
        f"""[bold]Where to look[/]
   runs           {interface}/runs
   artifacts      {interface}/artifacts
   mowing table   {_page_of(place, "mowing-demo-main-2019")}
   receipts       {place.settings.uploads_root / SITE} (*.receipt.json)
   results        {place.settings.data / "sites" / SITE}
   how it is      {own_name()} status
   stop           {own_name()} down
""",
        soft_wrap=True,
    )
