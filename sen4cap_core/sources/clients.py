"""Connections to providers, kept from file to file."""

from __future__ import annotations

from functools import lru_cache

import httpx

from sen4cap_core.sources.accounts import Account
from sen4cap_core.sources.authorisation import authorisation

NOBODY = Account()
"""Whoever asks a host that is not the account's provider."""


@lru_cache(maxsize=16)
def client_of(account: Account) -> httpx.Client:
    """Return the client of this process that asks with an account: one for all its threads and files.

    Connections stay open from file to file, and one token serves all transfers: a provider counts sessions.

    Raises
    ------
    SourceError
        The account lacks what its way of authorisation needs.
    """
    return httpx.Client(auth=authorisation(account), follow_redirects=True)
