"""XML from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from sen4cap_core.errors import BadUploadError
from sen4cap_core.xmlsafe import local_name, parse_xml

LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>
<lolz>&c;</lolz>"""
EXTERNAL = b"""<?xml version="1.0"?>
<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>"""


def test_plain_xml_is_parsed() -> None:
    root = parse_xml('<?xml version="1.0" encoding="UTF-8"?><n:a xmlns:n="urn:x"><b>é</b></n:a>'.encode())

    assert local_name(root) == "a"
    assert root[0].text == "é"


def test_a_file_is_parsed_and_named_in_errors(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.xml", tmp_path / "MTD_TL.xml"
    good.write_text("<a/>")
    bad.write_text("<a><b></a>")

    assert local_name(parse_xml(good)) == "a"
    with pytest.raises(BadUploadError, match=r"MTD_TL\.xml: this is not well-formed XML"):
        parse_xml(bad)


@pytest.mark.parametrize("document", [LAUGHS, EXTERNAL, b"<!DOCTYPE html><html/>"])
def test_document_types_and_entities_are_refused(document: bytes) -> None:
    with pytest.raises(BadUploadError, match="document type or entities"):
        parse_xml(document, name="x.xml")


@pytest.mark.parametrize(
    "document", [b"", b"\x00\x01", b"plain text", b'<?xml version="1.0" encoding="no-such"?><a/>']
)
def test_what_is_not_xml_is_refused(document: bytes) -> None:
    with pytest.raises(BadUploadError, match="not well-formed"):
        parse_xml(document, name="x.xml")


def test_size_is_limited_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.xml"
    path.write_bytes(b"<a>" + b" " * 2000 + b"</a>")

    with pytest.raises(BadUploadError, match="2007 bytes"):
        parse_xml(path, max_bytes=1000)
    with pytest.raises(BadUploadError, match="more than the 1000"):
        parse_xml(path.read_bytes(), max_bytes=1000)
