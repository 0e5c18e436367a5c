"""Text of an instrument in whatever encoding its computer had, by what must be in the text.

That an encoding decodes without a fault is no proof: cp932 takes the µ of cp1252 for a katakana, GBK takes it and
the m behind it for one character. Keys are ASCII in all; what tells encodings apart are the units.
"""

from __future__ import annotations

import codecs
import contextlib
import re

__all__ = ["declared", "decoded", "with_newlines"]

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_LEGACY = ("gb2312", "cp932", "gb18030", "cp1252", "mac_roman")
"""The stricter first: of those that explain a text equally well, the first is taken. Mac Roman knows every byte."""
_UNIT = re.compile(r"(?:\A|[\"'>]|\d\s?)(?:[µμ]m\b|[°Å](?![^\x00-\x7f]))")
"""Behind a number, alone in a tag, or the value of an attribute in XML."""
_LONE_RETURN = re.compile(r"\r(?!\n)")
_DECLARATION = re.compile(rb"""\s*<\?xml[^>]{0,100}?\sencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_CHARACTERS = re.compile(
    r"utf-?8|(?:iso-?)?8859-\d+|latin-?\d|(?:us-)?ascii|windows-\d+|cp\d+|shift[_-]jis|gb2312|gbk|gb18030|big5|euc-\w+",
    re.IGNORECASE,
)
"""Encodings of a byte or more a character; not Python's codecs that are none. UTF-16 is seen without its name."""
_OUT_OF_PLACE = re.compile(
    # Half-width katakana, control characters, private use.
    r"[\uff61-\uff9f\x80-\x9f\ue000-\uf8ff]"
    # One ideograph within a Latin word; a sign that is no unit and no ideograph or kana behind a number.
    r"|[A-Za-z][\u3400-\u9fff][a-z]"
    r"|\d\s?[^\x00-\x7f\u3040-\u30ff\u3400-\u9fff\uff00-\uff60µμ°ÅΩ²³±×℃]"
)


def with_newlines(text: str) -> str:
    r"""Return a text with ``\n`` where a lone carriage return, as of an old Mac, ends a line."""
    return _LONE_RETURN.sub("\n", text)


def declared(content: bytes) -> str | None:
    """Decode XML by the encoding it declares itself; None if it declares none or is not in that."""
    found = _DECLARATION.match(content)
    if found is None or not _CHARACTERS.fullmatch(name := found[1].decode("ascii")):
        return None
    with contextlib.suppress(LookupError, UnicodeDecodeError):
        return with_newlines(content.decode(name))
    return None


def decoded(content: bytes) -> str:
    """Decode a text of an instrument; never fails. Lines end with a newline, or with one behind a carriage return."""
    return with_newlines(_decoded(content))


def _decoded(content: bytes) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    wide = _wide(content)
    if wide:
        return content.decode(wide, "replace")
    with contextlib.suppress(UnicodeDecodeError):
        return content.decode("utf-8")
    candidates = []
    for encoding in _LEGACY:
        with contextlib.suppress(UnicodeDecodeError):
            candidates.append(content.decode(encoding))
    # max takes the first of equals.
    return max(candidates, key=lambda text: (len(_UNIT.findall(text)), -len(_OUT_OF_PLACE.findall(text))))


def _wide(content: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of its ASCII, which is most of such a text, is zero."""
    # A text in a tag ends with zeros in any encoding.
    sample = content[:4096].rstrip(b"\0")
    half = len(sample) // 2
    if half and sample[1::2].count(0) > half // 2 and sample[0::2].count(0) < half // 8 + 1:
        return "utf-16-le"
    if half and sample[0::2].count(0) > half // 2 and sample[1::2].count(0) < half // 8 + 1:
        return "utf-16-be"
    return None
