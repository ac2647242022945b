"""Fields of a product's XML metadata, found by their name wherever they stand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from xml.etree.ElementTree import Element

from sen4cap_core.errors import UnreadableSceneError
from sen4cap_core.scenes.acquisition.s2_names import parse_utc
from sen4cap_core.xmlsafe import local_name


def all_fields(root: Element, name: str) -> Iterator[Element]:
    """Yield all elements of a name below ``root``, in order.

    Some fields have a namespace prefix and some do not, and it has changed between baselines.
    """
    return (element for element in root.iter() if local_name(element) == name)


def text_of(root: Element, name: str) -> str | None:
    """Text of the first element of a name, None where there is none or it is empty."""
    element = next(all_fields(root, name), None)
    return element.text.strip() if element is not None and element.text else None


def number(text: str | None, field: str, file: str) -> float:
    """Parse a finite number. Raises UnreadableSceneError that names the field."""
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise unreadable(file, f"{field} is {text!r}, a number was expected.")
    return value


def instant(text: str, field: str, file: str) -> datetime:
    """Parse an ISO instant, UTC. Raises UnreadableSceneError that names the field."""
    try:
        return parse_utc(text)
    except ValueError as error:
        raise unreadable(file, f"{field} is {text!r}, a time was expected.") from error


def unreadable(file: str, what: str, remedy: str = "") -> UnreadableSceneError:
    """Say what is wrong with a metadata file."""
    return UnreadableSceneError(
        file, what, remedy=remedy or "copy or download the product again; it may have been altered."
    )
