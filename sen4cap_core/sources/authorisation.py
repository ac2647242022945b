"""The authorisation of requests: none, user and password, a fixed token, or one that is renewed."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import httpx

from sen4cap_core.sources.accounts import Account
from sen4cap_core.sources.offers import SourceAwayError, SourceError

RENEW_BEFORE_SECONDS = 30.0
"""A token is renewed when it has no longer to live than this."""
USUAL_LIFE_SECONDS = 600.0


class RenewedToken(httpx.Auth):
    """A bearer token got for user and password, renewed before it expires and when it is refused.

    One object serves all threads of a source: a provider counts sessions.
    """

    requires_response_body = False

    def __init__(self, account: Account) -> None:
        if account.user is None or account.password is None or account.token_url is None:
            raise SourceError("a renewed token needs user, password and token_url in the account")
        self._account = account
        self._lock = threading.Lock()
        self._token = ""
        self._expires_at = 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token; get a new one and try once more where it is refused."""
        used = self._current()
        request.headers["Authorization"] = f"Bearer {used}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._forget(used)
            request.headers["Authorization"] = f"Bearer {self._current()}"
            yield request

    def _current(self) -> str:
        with self._lock:
            if time.monotonic() >= self._expires_at - RENEW_BEFORE_SECONDS:
                self._renew()
            return self._token

    def _forget(self, token: str) -> None:
        with self._lock:
            # Another thread may have renewed it meanwhile.
            if token == self._token:
                self._expires_at = 0.0

    def _renew(self) -> None:
        account = self._account
        assert account.token_url is not None
        assert account.password is not None
        try:
            response = httpx.post(
                account.token_url,
                data={
                    "grant_type": "password",
                    "client_id": account.client_id,
                    "username": account.user,
                    "password": account.password.get_secret_value(),
                },
                timeout=30.0,
            )
        except httpx.HTTPError as error:
            raise SourceAwayError(f"{account.token_url} does not answer: {type(error).__name__}") from None
        if response.status_code in (400, 401, 403):
            raise SourceError(
                f"{account.token_url} refuses user {account.user!r}: check the account and its password"
            )
        if response.status_code != httpx.codes.OK:
            raise SourceAwayError(f"{account.token_url} answers {response.status_code}")
        try:
            answer = response.json()
            self._token = str(answer["access_token"])
            life = float(answer.get("expires_in", USUAL_LIFE_SECONDS))
        except (ValueError, KeyError, TypeError):
            raise SourceError(f"{account.token_url} answers without an access_token") from None
        self._expires_at = time.monotonic() + life


def authorisation(account: Account) -> httpx.Auth | None:
    """Return how requests of an account are authorised, None for an open source."""
    if account.token_url is not None:
        return RenewedToken(account)
    if account.token is not None:
        return _FixedToken(account.token.get_secret_value())
    if account.user is not None and account.password is not None:
        return httpx.BasicAuth(account.user, account.password.get_secret_value())
    return None


class _FixedToken(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request
