"""Numbers and times out of the XML of radar products, with errors that name file and element."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.errors import UnreadableSceneError
from sen4cap_core.xmlsafe import parse_xml

REMEDY = "copy or download the product again."


class XmlValues:
    """A document, or a part of one, that is asked for values by path."""

    def __init__(self, root: Element, name: str) -> None:
        self._root = root
        self.name = name

    @classmethod
    def parse(cls, content: bytes, name: str) -> XmlValues:
        """Parse a whole document; `BadUploadError` where it is not plain, well-formed XML."""
        return cls(parse_xml(content, name=name), name)

    def has(self, path: str) -> bool:
        """Whether an element is there."""
        return self._root.find(path) is not None

    def each(self, path: str) -> Iterator[XmlValues]:
        """All elements of a path."""
        return (XmlValues(element, self.name) for element in self._root.iterfind(path))

    def text(self, path: str) -> str:
        """Text of an element that must be there."""
        element = self._root.find(path)
        if element is None or not (element.text or "").strip():
            raise UnreadableSceneError(self.name, f"it has no {path}.", remedy=REMEDY)
        return str(element.text).strip()

    def number(self, path: str) -> float:
        """A finite number."""
        text = self.text(path)
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not np.isfinite(value):
            raise UnreadableSceneError(
                self.name, f"{path} is {text[:40]!r}.", expected="a number", remedy=REMEDY
            )
        return value

    def integer(self, path: str) -> int:
        """A whole number."""
        return int(self.number(path))

    def numbers(self, path: str) -> NDArray[np.float64]:
        """Finite numbers with white space between them, float64 (n,)."""
        text = self.text(path)
        try:
            numbers = np.array(text.split(), np.float64)
        except ValueError as error:
            raise UnreadableSceneError(
                self.name, f"{path} holds something else than numbers ({error}).", remedy=REMEDY
            ) from error
        if not np.isfinite(numbers).all():
            raise UnreadableSceneError(self.name, f"{path} holds numbers that are not finite.", remedy=REMEDY)
        return numbers

    def time(self, path: str) -> datetime:
        """An instant, UTC."""
        return self.as_time(self.text(path), path)

    def as_time(self, text: str, path: str) -> datetime:
        """Read ``2020-05-11T13:51:19.418774``, with or without ``UTC=`` before or ``Z`` behind."""
        try:
            value = datetime.fromisoformat(text.removeprefix("UTC=").removesuffix("Z"))
        except ValueError as error:
            raise UnreadableSceneError(
                self.name, f"{path} is {text[:40]!r}.", expected="a time in UTC", remedy=REMEDY
            ) from error
        return value.replace(tzinfo=UTC)
