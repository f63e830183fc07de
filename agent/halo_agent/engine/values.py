"""Values as people write them, and what is done to them on their way to Halo: pure."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, assert_never

from halo_agent.engine.records import Value
from halo_shared.transformations import Date, Extract, Join, Lookup, Plain, Replace, Transformation

_WINDOWS_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER: Final = frozenset({"0", "-1", "9223372036854775807"})
"""What a directory writes into a date that will never come."""


def is_empty(value: Value) -> bool:
    """Whether a value says nothing; zero and False say something."""
    return value is None or value == () or (isinstance(value, str) and not value.strip())


def as_text(value: Value) -> str:
    """A value as people write it: 12 for 12.0, nothing for None."""
    return "" if value is None else str(whole(value)).strip()


def whole(value: Value) -> Value:
    """12 rather than 12.0: spreadsheets and databases hand out whole numbers as floats, and Halo stores text."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def first(value: Value) -> Value:
    """Halo's fields hold one value: of several, the first that the tool names."""
    if isinstance(value, tuple):
        value = next((one for one in value if one.strip()), None)
    return value.strip() if isinstance(value, str) else whole(value)


def transformed(value: Value, steps: Sequence[Transformation]) -> Value:
    """The value after all steps; raises ValueError when one of them cannot be taken."""
    if not steps or is_empty(value):
        return first(value)
    texts = [text for text in (value if isinstance(value, tuple) else (as_text(value),)) if text.strip()]
    for step in steps:
        texts = [step.join.join(texts)] if isinstance(step, Join) else [_step(text, step) for text in texts]
    return first(tuple(texts))


def _step(text: str, step: Plain | Lookup | Replace | Extract | Date) -> str:
    match step:
        case Plain():
            return _plain(text, step)
        case Lookup(lookup=table, otherwise=otherwise):
            known = {key.strip().casefold(): value for key, value in table.items()}
            return known.get(text.strip().casefold(), text if otherwise is None else otherwise)
        case Replace(replace=pattern, by=by):
            return re.sub(pattern, by, text, flags=re.IGNORECASE)
        case Extract(extract=pattern):
            found = re.search(pattern, text, re.IGNORECASE)
            return (found.group(1 if found.re.groups else 0) or "") if found else ""
        case Date():
            return _date(text.strip(), step)
        case _:
            assert_never(step)


def _plain(text: str, how: Plain) -> str:
    match how:
        case Plain.TRIM:
            return " ".join(text.split())
        case Plain.LOWER:
            return text.lower()
        case Plain.UPPER:
            return text.upper()
        case Plain.TITLE:
            return text.title()
        case _:
            assert_never(how)


def _date(text: str, step: Date) -> str:
    if not text or (step.date in {"ldap", "filetime", "unix"} and text in _NEVER):
        return ""
    try:
        return _parsed(text, step.date).strftime(step.to)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"'{text[:100]}' is no date in the form {step.date}") from error


def _parsed(text: str, form: str) -> datetime:
    match form:
        case "iso":
            return datetime.fromisoformat(text)
        case "unix":
            return datetime.fromtimestamp(float(text), UTC)
        case "filetime":
            return _WINDOWS_EPOCH + timedelta(microseconds=int(text) // 10)
        case "ldap":
            return datetime.strptime(text.split(".", maxsplit=1)[0].rstrip("Z"), "%Y%m%d%H%M%S").replace(
                tzinfo=UTC
            )
        case _:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is the source's own affair
