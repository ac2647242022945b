"""Secrets do not get into logs, receipts or pages, wherever a message was put together.

Our own messages name accounts and never their values. This is for all others: a library's error that shows
the address it called, a traceback with a connection string.
"""

from __future__ import annotations

import json
import logging
import os
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

HIDDEN = "***"
SHORTEST = 6
"""Values shorter than this are not looked for: hiding every `4326` would hide the message."""

_SECRET_NAMES = re.compile(r"(PASSWORD|SECRET|TOKEN|AUTH_STRING|API_KEY|ACCESS_KEY)", re.IGNORECASE)
_URL_NAMES = re.compile(r"(_URL|_URI|_DSN)\Z", re.IGNORECASE)
_ACCOUNT_PREFIX = "SEN4CAP_ACCOUNT_"
_PUBLIC_KEYS = {"user", "token_url", "client_id", "s3_endpoint", "s3_region"}

# scheme://user:password@host
_IN_URL = re.compile(r"(?P<head>[a-z][a-z0-9+.-]*://[^\s:/@'\"]*:)[^\s/@'\"]+(?=@)", re.IGNORECASE)
# Authorization: Bearer ..., token=..., "password": "..."
_HEADER = re.compile(r"(?P<head>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_PAIR = re.compile(
    r"(?P<head>\b(?:password|passwd|secret(?:_key)?|access_key|access_token|refresh_token|id_token|api_?key"
    r"|token|sig|signature|x-amz-signature|x-amz-credential|x-amz-security-token|auth_string)"
    r"[\"']?\s*[=:]\s*[\"']?)(?P<value>[^\s\"'&,;)}\]]{3,})",
    re.IGNORECASE,
)


def redact(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Return a text with passwords, tokens and signatures replaced by ``***``.

    What is found: the password of an address, authorisation headers, values after words such as ``password``
    or ``token``, and the values themselves of this process's secrets wherever they stand.

    Parameters
    ----------
    environment : where the secrets are; default: the process's own
    """
    for value in sorted(
        secrets_of(os.environ if environment is None else environment), key=len, reverse=True
    ):
        text = text.replace(value, HIDDEN)
    text = _IN_URL.sub(rf"\g<head>{HIDDEN}", text)
    text = _HEADER.sub(rf"\g<head>{HIDDEN}", text)
    return _PAIR.sub(rf"\g<head>{HIDDEN}", text)


def secrets_of(environment: Mapping[str, str]) -> set[str]:
    """Return the values of secrets in an environment: passwords of addresses, accounts, logins."""
    found: set[str] = set()
    for name, value in environment.items():
        if name.startswith(_ACCOUNT_PREFIX):
            found.update(_account_values(value))
        elif _SECRET_NAMES.search(name):
            # A login is user:password; either form must not show.
            found.update((value, value.partition(":")[2]))
        elif _URL_NAMES.search(name) and (match := re.search(r"://[^:/@\s]*:([^/@\s]+)@", value)):
            found.add(match[1])
    return {value for value in found if len(value) >= SHORTEST}


def install() -> None:
    """Redact every log record of this process, whichever way it takes. Harmless twice."""
    factory = logging.getLogRecordFactory()
    if not getattr(factory, "redacts", False):
        logging.setLogRecordFactory(_redacting(factory))


def _redacting(factory: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def make(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = factory(*arguments, **named)
        try:
            message = record.getMessage()
        except Exception:
            # Arguments that do not fit: logging itself reports it.
            return record
        shown = redact(message)
        if shown != message:
            record.msg, record.args = shown, ()
        if record.exc_info and record.exc_info[0] is not None:
            # A formatter takes this text in place of making its own.
            record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)).rstrip("\n"))
        return record

    make.redacts = True  # type: ignore[attr-defined]
    return make


def _account_values(text: str) -> Iterable[str]:
    try:
        values = json.loads(text)
    except ValueError:
        return (text,)
    if not isinstance(values, dict):
        return (str(values),)
    return [str(value) for key, value in values.items() if key not in _PUBLIC_KEYS and value]
