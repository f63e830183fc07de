"""Which encoding a text file is written in."""

import codecs
from typing import BinaryIO, Final

from charset_normalizer import from_bytes

from halo_shared.errors import SettingsInvalid

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE: Final = 64 * 1024
_LEGACY: Final = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("cp932", "cp949", "big5", "gb18030"),
)  # what spreadsheet programs on Windows write when they do not write Unicode; likeliest first


def detect(raw: BinaryIO, wish: str | None, label: str) -> str:
    """The codec to read this file with: its byte order mark is certain, a wish comes next."""
    start = raw.read(4)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if wish:
        return wish
    raw.seek(0)
    sample = _telling_part(raw)
    if b"\0" in sample:  # no text holds it, except as one half of a UTF-16 character
        return "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"
    return "utf-8" if _is_utf8(sample) else _legacy(sample, label)


def on_damage(encoding: str) -> str:
    """The error handler under which bytes that are not text become lone surrogates."""
    # surrogateescape cannot stand for half a UTF-16 character
    wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
    return "surrogatepass" if wide else "surrogateescape"


def is_damaged(text: str) -> bool:
    """Whether bytes were met that are not text in the file's encoding."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _telling_part(raw: BinaryIO) -> bytes:
    """The first part that is more than ASCII, which reads the same in nearly every encoding."""
    while part := raw.read(_SAMPLE):
        if not part.isascii() or b"\0" in part:
            return part
    return b""


def _is_utf8(sample: bytes) -> bool:
    """Whether most of it is: a single bad byte must not turn every other umlaut into two characters."""
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(sample)
    bad = sum("\udc80" <= character <= "\udcff" for character in text)
    good = sum(character > "\x7f" for character in text) - bad
    return good >= bad


def _legacy(sample: bytes, label: str) -> str:
    """The code page that fits best; where several do and give different text, it is not guessed which."""
    whole_lines = sample[: sample.rfind(b"\n") + 1] or sample
    telling = b"".join(line for line in whole_lines.splitlines(keepends=True) if not line.isascii())
    matches = list(from_bytes(telling, cp_isolation=list(_LEGACY)))
    least = min((match.chaos for match in matches), default=0)
    best = [match for match in matches if match.chaos == least]
    if len(best) != 1:
        fitting = ", ".join(match.encoding for match in best) or "none"
        raise SettingsInvalid(
            f"The encoding of {label} cannot be told (it fits {fitting}): set 'encoding', or save the "
            "file as UTF-8."
        )
    return next(encoding for encoding in _LEGACY if encoding in best[0].could_be_from_charset)
