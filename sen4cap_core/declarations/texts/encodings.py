"""Which character set a text is in, when nobody says."""

from __future__ import annotations

import codecs
import re

UTF_8 = "utf-8"

_LETTERS = {
    "cp1252": "äöüßÄÖÜéèêëàâçñóíúáãõøæåœîïôûùÉÈÀÇÑØÆÅ'’°²",
    "cp1250": "áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽľĺŕôäąęłńśźżćđőűăâîşţöüĄĘŁŃŚŹŻĆĐŐŰ",
    "cp1257": "ąčęėįšųūžĄČĘĖĮŠŲŪŽāēģīķļņŗōĀĒĢĪĶĻŅõäöüÕÄÖÜ",
    "cp1253": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΉΊΌΎΏ",
    "cp1251": "абвгдежзийклмнопрстуфхцчшщъыьэюяАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ",
    "cp1254": "çğıöşüÇĞİÖŞÜâî",
    "cp850": "äöüßÄÖÜéèêëàâçñóíúáîïôûùÉ",
    "cp852": "áčďéěíňóřšťúůýžąęłńśźżćđőűÁČĎŠŽ",
}
"""Letters of the languages each single-byte set is used for; earlier sets win ties."""

_CPG_NUMBER = re.compile(r"^(?:ansi|oem|cp|windows|dos|ms|ibm)?[ _-]*(\d{3,5})$")


def detect_encoding(sample: bytes) -> str:
    """Return the most plausible character set of a text with unknown one.

    A byte order mark decides, then whether the bytes are UTF-8 (chance hardly ever makes other text pass);
    else the single-byte set whose decoding has most letters of its own languages and fewest symbols.

    Parameters
    ----------
    sample : bytes
        Text, or several texts joined with spaces or zeros. Its end may cut a character.
    """
    for mark, name in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"),
                       (codecs.BOM_UTF16_BE, "utf-16")):  # fmt: skip
        if sample.startswith(mark):
            return name
    if is_utf8(sample):
        return UTF_8
    return max(_LETTERS, key=lambda name: _plausibility(sample, name))


def is_utf8(sample: bytes) -> bool:
    """Whether bytes are UTF-8, forgiving a character cut at the end."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _plausibility(sample: bytes, name: str) -> int:
    letters = _LETTERS[name]
    score = 0
    previous = " "
    for character in sample.decode(name, errors="replace"):
        if ord(character) >= 128:
            if character in letters:
                score += 2
            elif character.isalpha():
                score += 0
            else:
                score -= 2
            if previous.islower() and character.isupper():
                score -= 2
        previous = character
    return score


def codec_of_label(label: str) -> str | None:
    """Return the Python codec for what a .cpg file says (``UTF-8``, ``1252``, ``ANSI 1250``, ``88592``).

    None where no codec has that name.
    """
    text = label.strip().strip("\0").lower()
    iso = re.match(r"^(?:iso)?[ _-]*8859[ _-]*(\d{1,2})$", text)
    number = _CPG_NUMBER.match(text)
    if iso:
        text = f"iso8859-{iso[1]}"
    elif number:
        text = UTF_8 if number[1] == "65001" else f"cp{number[1]}"
    try:
        return codecs.lookup(text).name
    except LookupError:
        return None


_DBF_LANGUAGE_DRIVERS = {
    0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x08: "cp865", 0x09: "cp437", 0x0A: "cp850", 0x0D: "cp437",
    0x0E: "cp850", 0x11: "cp850", 0x14: "cp850", 0x18: "cp850", 0x1D: "cp850", 0x1F: "cp852", 0x22: "cp852",
    0x23: "cp852", 0x24: "cp860", 0x40: "cp852", 0x58: "cp1252", 0x59: "cp1252", 0x64: "cp852", 0x65: "cp866",
    0x66: "cp865", 0x67: "cp861", 0x6A: "cp737", 0x6B: "cp857", 0x87: "cp852", 0xC8: "cp1250",
    0xC9: "cp1251", 0xCA: "cp1254", 0xCB: "cp1253", 0xCC: "cp1257",
}  # fmt: skip
"""Byte 29 of a dBASE header. 0x57 (`the current code page`) and 0 say nothing."""


def dbf_encoding(content: bytes) -> tuple[str, str]:
    """Return the character set of a dBASE table without a .cpg, and how it is known.

    Many programs write UTF-8 whatever the header says, so that is tried before the header is believed.

    Parameters
    ----------
    content : bytes
        The beginning of the file, header and as many records as are worth looking at.
    """
    header_bytes = int.from_bytes(content[8:10], "little")
    records = content[header_bytes:]
    if all(byte < 128 for byte in records):
        return UTF_8, "plain ASCII"
    if is_utf8(records):
        return UTF_8, "detected"
    declared = _DBF_LANGUAGE_DRIVERS.get(content[29])
    if declared:
        return declared, "header of the .dbf"
    return detect_encoding(records), "detected"
