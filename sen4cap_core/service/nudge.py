"""Tell Prefect that something happened. Only a nudge: what has to be done is in the database."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sen4cap_core.errors import ServiceError
from sen4cap_core.service.place import Place
from sen4cap_core.service.prefect_api import PrefectApi, PrefectApiError
from sen4cap_core.settings import Settings

log = logging.getLogger(__name__)

INBOX_READY = "sen4cap.inbox.ready"
INBOX = "sen4cap.inbox"


def nudge_inbox(settings: Settings, n_waiting: int) -> bool:
    """Say that uploads wait in the inbox; return whether the server took it."""
    return emit(settings, INBOX_READY, INBOX, {"waiting": n_waiting})


def emit(settings: Settings, event: str, resource_id: str, payload: Mapping[str, Any]) -> bool:
    """Send one event; return whether the server took it.

    Never raises for a server that is away or refuses: the caller asks again later, and ``reconcile`` finds
    what no event announced.
    """
    try:
        place = Place(settings)
        with PrefectApi(place.prefect_api_url(), timeout_s=5.0, login=place.prefect_login()) as api:
            api.emit(event, resource_id, payload)
    except (PrefectApiError, ServiceError) as error:
        log.warning("event %s for %s was not sent: %s", event, resource_id, error)
        return False
    return True
