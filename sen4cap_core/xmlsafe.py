"""XML from outside: no document type, no entities, no surprises of size."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from sen4cap_core.errors import BadUploadError

MAX_XML_BYTES = 64 * 1024 * 1024
"""The largest real file, the metadata of one Sentinel-2 granule, has about half a megabyte."""


def parse_xml(source: bytes | Path, *, name: str = "", max_bytes: int = MAX_XML_BYTES) -> Element:
    """Parse XML from bytes or from a file and return its root element.

    Parameters
    ----------
    source : bytes or Path
        The document itself, or where it is.
    name : str
        What to call the document in an error; default: the file's name.
    max_bytes : int
        Larger documents are refused unread.

    Raises
    ------
    BadUploadError
        The document is too large, has a document type or entities, or is not well-formed.
    """
    if isinstance(source, Path):
        name = name or source.name
        size = source.stat().st_size
        content = source.read_bytes() if size <= max_bytes else b""
    else:
        name = name or "XML document"
        size, content = len(source), source
    if size > max_bytes:
        raise BadUploadError(
            name,
            f"this XML file has {size} bytes, more than the {max_bytes} that are read.",
            remedy="check that the file is what its name says.",
        )
    try:
        root: Element = fromstring(content, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as error:
        raise BadUploadError(
            name,
            "this XML file declares a document type or entities, which are not accepted.",
            expected="plain XML without <!DOCTYPE ...>",
            remedy="use the file as its provider published it.",
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise BadUploadError(
            name,
            f"this is not well-formed XML ({error}).",
            remedy="copy or download the file again; it may have been cut short.",
        ) from error
    return root


def local_name(element: Element) -> str:
    """Return the name of an element without its namespace."""
    tag = element.tag
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""
