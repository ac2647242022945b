"""``sen4cap up``, ``down``, ``status`` and ``env``: the services of this installation."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sen4cap_core.cli.terminal.invocation import own_name

if TYPE_CHECKING:
    from rich.console import Console

    from sen4cap_core.service.place import Place
    from sen4cap_core.service.report import Report

JOB_WORDS = {"skipped": "had nothing to do"}
"""Said in the place of a state that sounds like a loss: all was under cloud, or there was nothing new."""

MAX_MISPLACED = 5
"""So many misplaced files are shown, as of what failed and of what was rejected."""
LIST_ALL = "; list all: sen4cap status --all"


def register(app: typer.Typer) -> None:
    """Add these commands to the top level."""
    for command in (up, down, status, env):
        app.command(rich_help_panel="Services")(command)


def up(
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay, and stop all services on Ctrl-C. For systemd.")
    ] = False,
) -> None:
    """Start the database, Prefect, the workers and the watcher. Harmless when they run."""
    from sen4cap_core.service import control
    from sen4cap_core.service.supervisor import supervise

    place = _place()
    if foreground:
        sys.exit(supervise(place))
    started = time.monotonic()

    def say(line: str) -> None:
        typer.echo(f"[{time.monotonic() - started:5.1f} s] {line}")

    control.up(place, say)
    us = own_name()
    interface = place.prefect_api_url().removesuffix("/api")
    typer.echo(f"""
Drop files into    {place.settings.uploads_root}
Watch the runs at  {interface}/runs
Read the pages at  {interface}/artifacts
Results go to      {place.settings.data}
Logs are in        {place.logs}{_login_hint(place)}

For prefect's own command line:  eval "$({us} env)"
How it is:  {us} status        Stop it:  {us} down""")


def _login_hint(place: Place) -> str:
    if not place.has_own_prefect or not place.login_file.is_file():
        return ""
    return f"\nLog in with the    user and password in {place.login_file}"


def down() -> None:
    """Stop all services. Nothing that waits is lost."""
    from sen4cap_core.service import control

    control.down(_place(), typer.echo)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")] = False,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="List all that failed, was rejected or is misplaced, and all warnings, not the last 5.",
        ),
    ] = False,
) -> None:
    """Show what is up, what waits and what failed. Exit code 0 only when all is up."""
    import json

    from sen4cap_core.service.report import gather

    report = gather(_place(), all_failures=everything)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), default=str, indent=2))
    else:
        _print_report(report, everything)
    sys.exit(0 if report.all_up else 1)


def env() -> None:
    """Print the variables that point other programs, such as prefect, here: eval "$(sen4cap env)"."""
    import shlex

    for name, value in _place().client_environment().items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def _place() -> Place:
    from sen4cap_core.service.place import Place
    from sen4cap_core.settings import Settings

    return Place(Settings())


def _print_report(report: Report, everything: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    table = Table("service", "", "pid", "memory", "restarts", box=None, pad_edge=False)
    for service in report.services:
        table.add_row(
            service.title,
            f"[{'green' if service.is_up else 'red'}]{service.says}[/]",
            str(service.pid or ""),
            f"{service.memory_bytes / 1e6:.0f} MB" if service.memory_bytes else "",
            str(service.restarts or ""),
        )
    if report.services:
        console.print(table)
    # Below: a column of its own folds all lines of a narrow terminal.
    for service in report.services:
        if service.last_exit:
            console.print(f"{escape(service.title)}: ended unasked, {service.last_exit}", soft_wrap=True)
    if report.message:
        console.print(f"[red]{escape(report.message)}[/]")
    if report.is_stale:
        from sen4cap_core.service.software import STALE

        console.print(f"[red]{escape(STALE)}[/]", soft_wrap=True)
    if report.interface_url:
        console.print(f"\nRuns: {report.interface_url}/runs", soft_wrap=True)
        console.print(f"Pages (Prefect's artifacts): {report.interface_url}/artifacts", soft_wrap=True)
        console.print(f"Uploads: {escape(report.uploads)}", soft_wrap=True)
    if report.runs:
        console.print(f"Prefect: {report.runs['running']} running, {report.runs['failed']} failed in a day")
    for one in report.arriving:
        console.print(f"arriving: {escape(one['path'])}: {escape(one['reason'])}")
    _print_misplaced(console, report.misplaced, len(report.misplaced) if everything else MAX_MISPLACED)
    if report.work:
        console.print(_work_table(report.work))
        _print_warned(console, report.work)
        _print_failures(console, report.work)
    elif report.services:
        console.print("The database does not tell what waits: it is away, or has no tables yet.")


def _print_misplaced(console: Console, misplaced: list[dict[str, Any]], limit: int = MAX_MISPLACED) -> None:
    from rich.markup import escape

    from sen4cap_core.cli.terminal.reasons import indented

    for one in misplaced[:limit]:
        console.print(
            f"[red]misplaced[/] {one['at']:%Y-%m-%d %H:%M} {escape(one['error_file'])}", soft_wrap=True
        )
        console.print(escape(indented(one["why"])), soft_wrap=True)
    if len(misplaced) > limit:
        console.print(f"[red]misplaced[/] and {len(misplaced) - limit} more{LIST_ALL}", soft_wrap=True)


def _print_warned(console: Console, work: dict[str, Any]) -> None:
    """Before what failed, which has the last word; one warning of each upload."""
    from rich.markup import escape

    from sen4cap_core.cli.terminal.warned import warned_lines

    if work["n_warned"]:
        days = f", accepted in the last {work['warned_days']} days" if work["warned_days"] else ""
        console.print(f"uploads with warnings: {work['n_warned']}{days}")
    for one in work["warned"]:
        head, *rest = warned_lines(one["site"], one["receipt_file"], one["at"], one["why"], one["n_warnings"])
        console.print(f"[yellow]warning[/]{escape(head.removeprefix('warning'))}", soft_wrap=True)
        console.print(escape("\n".join(rest)), soft_wrap=True)
    n_more = work["n_warned"] - len(work["warned"])
    if n_more > 0:
        console.print(f"[yellow]warning[/] and {n_more} more{LIST_ALL}", soft_wrap=True)


def _print_failures(console: Console, work: dict[str, Any]) -> None:
    """A heading each, which the terminal may fold and a copied path survives, and the reason below it."""
    from rich.markup import escape

    from sen4cap_core.cli.terminal.reasons import indented

    for kind, word in (("failures", "failed"), ("rejections", "rejected")):
        for one in work[kind]:
            what = escape(f"{one['site']}: {one.get('what') or one['error_file']}")
            console.print(f"[red]{word}[/] {one['at']:%Y-%m-%d %H:%M} {what}", soft_wrap=True)
            console.print(escape(indented(one["why"])), soft_wrap=True)
            if "settled_by" in one:
                console.print(f"    The rejection stays open until {one['settled_by']}.", soft_wrap=True)
        n_more = work[f"n_{kind}"] - len(work[kind])
        if n_more > 0:
            console.print(f"[red]{word}[/] and {n_more} more{LIST_ALL}", soft_wrap=True)
        if kind == "failures" and work[kind]:
            console.print("Try what failed again, once its cause is gone: sen4cap retry", soft_wrap=True)


def _work_table(work: dict[str, object]) -> str:
    lines = []
    counts = {"uploads": work["uploads"], "scenes": work["scenes"]}
    jobs = work["jobs"]
    assert isinstance(jobs, dict)
    counts |= {f"jobs {kind}": states for kind, states in jobs.items()}
    for name, states in counts.items():
        assert isinstance(states, dict)
        words = JOB_WORDS if name.startswith("jobs ") else {}
        told = ", ".join(f"{count} {words.get(state, state)}" for state, count in states.items())
        if name == "uploads" and "rejected" in states:
            told += f" ({work['n_rejections'] or 'none'} of them open)"
        lines.append(f"{name}: {told or 'none'}")
    oldest = work["oldest_waiting_seconds"]
    if isinstance(oldest, float):
        lines.append(f"the oldest job that is due waits for {oldest:.0f} s")
    return "\n".join(lines)
