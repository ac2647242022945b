"""An accepted upload with warnings, as a person at the terminal reads it."""

from __future__ import annotations

from datetime import datetime

from sen4cap_core.cli.terminal.reasons import indented


def warned_lines(site: str, receipt: str, at: datetime, first: str, n_warnings: int) -> list[str]:
    """Return a heading with the receipt, whose path can be copied, and the first warning below it."""
    more = f" ({n_warnings} warnings)" if n_warnings > 1 else ""
    return [f"warning {at:%Y-%m-%d %H:%M} {site}: {receipt}{more}", *indented(first).splitlines()]
