"""What a person at the terminal reads in the place of a traceback."""

from __future__ import annotations

import sys

from sen4cap_core.errors import Sen4capError


def sentence_of(error: Exception) -> str | None:
    """Return what to tell of an error that is no mistake in the code; None for all others.

    Libraries are looked at only where they are loaded, so that this costs nothing.
    """
    if isinstance(error, Sen4capError):
        return str(error)
    if isinstance(error, PermissionError):
        return f"{error.filename} is closed to you. Run as the user who ran sen4cap up."
    if isinstance(error, OSError) and error.filename is not None:
        is_path = isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError)
        return f"{error.filename}: {error.strerror}." + (" Check the path." if is_path else "")
    if "pydantic" in sys.modules and (settings := _wrong_settings(error)):
        return settings
    if "sqlalchemy" in sys.modules:
        from sen4cap_core.db.server.session import is_database_trouble
        from sen4cap_core.redaction import redact

        if is_database_trouble(error):
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            return f"The database does not answer: {redact(reason)}\nWhat to do: sen4cap status, sen4cap up."
    return None


def _wrong_settings(error: Exception) -> str | None:
    from pydantic import ValidationError

    if not isinstance(error, ValidationError) or error.title != "Settings":
        return None
    return "\n".join(
        f"SEN4CAP_{str(one['loc'][0]).upper()}: {one['msg']} (it is {str(one['input'])!r})."
        for one in error.errors()
    )
