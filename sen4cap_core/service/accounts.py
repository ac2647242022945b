"""Accounts of catalogues kept in Prefect Secret blocks."""

from __future__ import annotations

from collections.abc import Mapping


def stored_account(name: str) -> Mapping[str, object] | None:
    """Return the JSON value of a Secret block of that name, None where there is none."""
    # Four CPU seconds to import; only who fetches pays them.
    from prefect.blocks.system import Secret

    try:
        value = Secret.load(name).get()  # type: ignore[union-attr]
    except ValueError:
        return None
    return value if isinstance(value, Mapping) else {"token": str(value)}
