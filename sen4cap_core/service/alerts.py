"""Alerts: Prefect automations that tell people by webhook or e-mail what needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sen4cap_core.db.models import WarningRow
from sen4cap_core.db.overview.monitoring import REMIND_AFTER
from sen4cap_core.service.prefect_api import PrefectApi

Json = dict[str, Any]

WARNING_EVENT = "sen4cap.warning"
FAILED_RUN = "Sen4CAP: tell of failed runs"
WARNINGS = "Sen4CAP: tell of warnings"
SEND_ALERT = "send-alert/send-alert"
WEBHOOK_BLOCK = "sen4cap-alert"
QUIET_S = 300
"""After one failed run of a flow was told, further ones are not told one by one for so long."""

_RUN_TEXT = (
    "{{ flow_run.name }} ({{ flow.name }}) ended as {{ flow_run.state.name }}: "
    "{{ flow_run.state.message or 'no reason' }}"
)
_WARNING_TEXT = "{{ event.payload.kind }}: {{ event.payload.text }}"


def alert_automations(*, webhook_block_id: str | None, mail_deployment_id: str | None) -> list[Json]:
    """Return the automations, as Prefect's API takes them.

    Parameters
    ----------
    webhook_block_id : Webhook block that is called; the server calls it itself, also when no worker is up
    mail_deployment_id : deployment that sends e-mail
    """
    failed: Json = {
        "type": "event",
        "posture": "Reactive",
        "match": {"prefect.resource.id": "prefect.flow-run.*"},
        "expect": ["prefect.flow-run.Failed", "prefect.flow-run.Crashed"],
        # A day on which every run fails is one message, and a run that fails and crashes as well is one, too.
        "for_each": ["related:flow:prefect.resource.id"],
        "threshold": 1,
        "within": QUIET_S,
    }
    warned: Json = {
        "type": "event",
        "posture": "Reactive",
        "match": {"prefect.resource.id": "sen4cap.*"},
        "expect": [WARNING_EVENT],
        "threshold": 1,
        "within": 0,
    }
    return [
        {
            "name": name,
            "description": "Made by sen4cap alerts set; removed by sen4cap alerts clear.",
            "enabled": True,
            "trigger": trigger,
            "actions": _actions(subject, text, webhook_block_id, mail_deployment_id),
        }
        for name, trigger, subject, text in (
            (FAILED_RUN, failed, "Sen4CAP: a run failed", _RUN_TEXT),
            (WARNINGS, warned, "Sen4CAP: a warning", _WARNING_TEXT),
        )
    ]


def _actions(subject: str, text: str, webhook: str | None, mail: str | None) -> list[Json]:
    actions: list[Json] = []
    if webhook is not None:
        # The id lets who gets one twice (a server that was killed while it called) see that it is one.
        said = f'"title": "{subject}", "text": {{{{ ({_joined(text)}) | tojson }}}}'
        payload = f'{{"id": "{{{{ event.id }}}}", {said}}}'
        actions.append({"type": "call-webhook", "block_document_id": webhook, "payload": payload})
    if mail is not None:
        parameters = {"subject": subject, "text": {"__prefect_kind": "jinja", "template": text}}
        action = {"type": "run-deployment", "source": "selected", "deployment_id": mail}
        actions.append(action | {"parameters": parameters})
    return actions


def _joined(text: str) -> str:
    """Return a template as one expression, so that what it says can be escaped as a whole."""
    parts = []
    for number, piece in enumerate(text.replace("{{", "}}").split("}}")):
        if piece:
            parts.append(f"({piece.strip()})" if number % 2 else f"'{piece}'")
    return " ~ ".join(parts)


def set_alerts(api_url: str, *, webhook_url: str | None, by_mail: bool) -> list[str]:
    """Make or replace the automations on a Prefect server; return their names."""
    block = _save_webhook(webhook_url) if webhook_url else None
    with PrefectApi(api_url) as api:
        mail = api.deployment_id(SEND_ALERT) if by_mail else None
        made = alert_automations(webhook_block_id=block, mail_deployment_id=mail)
        for automation in made:
            api.replace_automation(automation)
    return [automation["name"] for automation in made]


def clear_alerts(api_url: str) -> int:
    """Remove the automations; return how many there were."""
    with PrefectApi(api_url) as api:
        return sum(api.delete_automations(name) for name in (FAILED_RUN, WARNINGS))


def tell(api_url: str, warnings: Sequence[WarningRow]) -> None:
    """Send an event for each warning; the automations do the rest.

    The id of the event comes from the warning, its beginning and the days it lasts: sent again it is the same
    event, and a reminder on another day is another one.
    """
    if not warnings:
        return
    with PrefectApi(api_url) as api:
        for row in warnings:
            payload = {"kind": row.kind, "text": row.text, "site": row.site_slug, "since": str(row.since)}
            days = (row.told_at - row.since) // REMIND_AFTER if row.told_at else 0
            event_id = uuid5(NAMESPACE_URL, f"sen4cap:{row.key}:{row.since.isoformat()}:{days}")
            api.emit(WARNING_EVENT, f"sen4cap.warning.{row.id}", payload, event_id)


def _save_webhook(url: str) -> str:
    from prefect.blocks.webhook import Webhook
    from pydantic import SecretStr

    block: Any = Webhook(method="POST", url=SecretStr(url))
    return str(block.save(WEBHOOK_BLOCK, overwrite=True))
