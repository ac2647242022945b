"""Accounts of catalogues: from the environment or a store of the caller; never in files of the project.

``site.yaml`` names an account, ``secret: copernicus``. Its values are looked for in
``SEN4CAP_ACCOUNT_COPERNICUS``, a JSON object, and then in whatever store the caller hands over.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from sen4cap_core.sources.offers import SourceError

PREFIX = "SEN4CAP_ACCOUNT_"


class Account(BaseModel):
    """What a source may need to know you by. Values are never printed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
    """A bearer token that does not expire during the season."""
    token_url: str | None = None
    """Where a token is had for user and password (OAuth 2 password grant)."""
    client_id: str = "cdse-public"
    access_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    s3_endpoint: str | None = None
    s3_region: str | None = None


Store = Callable[[str], Mapping[str, object] | None]
"""Looks an account up by name; None where it has none of that name."""


def environment_name(name: str) -> str:
    """Return the environment variable of an account: ``copernicus`` is ``SEN4CAP_ACCOUNT_COPERNICUS``."""
    return PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper())


def find_account(name: str | None, store: Store | None = None) -> Account:
    """Return an account by name; an empty one where no name is given.

    Raises
    ------
    SourceError
        There is no such account, or its values cannot be understood. The values are not in the message.
    """
    if name is None:
        return Account()
    variable = environment_name(name)
    text = os.environ.get(variable)
    values: object = store(name) if text is None and store is not None else None
    if text is not None:
        try:
            values = json.loads(text)
        except ValueError:
            raise SourceError(f"{variable} is not a JSON object: {_EXAMPLE}") from None
    if values is None:
        raise SourceError(
            f"there is no account {name!r}: set {variable} to a JSON object, or make a Prefect Secret block "
            f"of the name {name!r}: {_EXAMPLE}"
        )
    try:
        return Account.model_validate(values)
    except ValidationError as error:
        wrong = ", ".join(
            sorted({".".join(map(str, fault["loc"])) or "all of it" for fault in error.errors()})
        )
        raise SourceError(f"the account {name!r} cannot be understood: {wrong}. {_EXAMPLE}") from None


_EXAMPLE = '{"user": ..., "password": ...}, docs/sources.md names all keys'
