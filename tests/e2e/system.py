"""A running installation and the hands of a user."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sen4cap_core.db.overview.progress import SiteProgress, site_progress
from sen4cap_core.service import control
from sen4cap_core.service.place import Place
from sen4cap_core.steps.shared.context import Context


@dataclass(frozen=True)
class System:
    """A running installation and the hands of a user."""

    place: Place
    context: Context

    @property
    def uploads(self) -> Path:
        """Folder people drop files into."""
        return self.place.settings.uploads_root

    def drop(self, source: Path, target: str) -> Path:
        """Copy a file or folder into the upload folder, as a user does."""
        destination = self.uploads / target
        destination.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, destination)
            make_writable(destination)
        else:
            shutil.copyfile(source, destination)
        return destination

    def progress(self, site: str) -> SiteProgress:
        """Return how far a site is."""
        with self.context.session() as session:
            return site_progress(session, site)

    def wait_until(
        self, what: Callable[[], Any], seconds: float = 120.0, *, saying: Callable[[], object] = str
    ) -> Any:
        """Wait for something to come true and return it."""
        deadline = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {saying()}"
            time.sleep(0.25)
        return found

    def wait_quiet(self, site: str, *, scenes: int, seconds: float = 240.0) -> SiteProgress:
        """Wait until all that was dropped is answered and so many scenes are through."""

        def through() -> SiteProgress | None:
            now = self.progress(site)
            return now if now.is_quiet and now.scenes_processed >= scenes else None

        found: SiteProgress = self.wait_until(through, seconds, saying=lambda: self.progress(site))
        return found

    def pid_of(self, unit: str) -> int | None:
        """Return the process id of a service, None while it is down."""
        state = control.current_state(self.place)
        assert state is not None
        return next(one.pid for one in state.units if one.name == unit)

    def flow_runs(self, flow: str, **filters: Any) -> list[dict[str, Any]]:
        """Return the runs of a flow as Prefect tells them."""
        body = {"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_DESC", **filters}
        answer = httpx.post(f"{self.place.prefect_api_url()}/flow_runs/filter", json=body, timeout=30)
        answer.raise_for_status()
        return list(answer.json())

    def artifacts(self, key: str) -> list[dict[str, Any]]:
        """Return the artifacts with a key, newest first."""
        return self._artifacts({"key": {"any_": [key]}})

    def artifacts_of(self, flow_run_id: str) -> list[dict[str, Any]]:
        """Return the artifacts of a run, newest first."""
        return self._artifacts({"flow_run_id": {"any_": [flow_run_id]}})

    def _artifacts(self, which: dict[str, Any]) -> list[dict[str, Any]]:
        body = {"artifacts": which, "sort": "UPDATED_DESC"}
        answer = httpx.post(f"{self.place.prefect_api_url()}/artifacts/filter", json=body, timeout=30)
        answer.raise_for_status()
        return list(answer.json())


def make_writable(folder: Path) -> None:
    """Give a copy of a read-only folder the rights of one that somebody dropped."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
