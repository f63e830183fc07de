"""Spans of time as people write them: 30s, 15m, 6h, 1d."""

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainSerializer

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse(text: str) -> timedelta:
    """Read `90s`, `15m`, `6h` or `1d`; raises ValueError with the form that is wanted."""
    match = re.fullmatch(r"(\d+)\s*([smhd])", text.strip())
    if not match:
        raise ValueError(f"'{text}' is not a span of time: write a number and s, m, h or d, as in 15m")
    try:
        return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    except OverflowError:
        raise ValueError(f"'{text}' is longer than any span of time") from None


def text(span: timedelta) -> str:
    """The shortest exact form: 15m rather than 900s."""
    seconds = int(span.total_seconds())
    unit = next((unit for unit, size in reversed(_UNITS.items()) if seconds and seconds % size == 0), "s")
    return f"{seconds // _UNITS[unit]}{unit}"


def _read(value: Any) -> Any:  # Any: pydantic hands a validator whatever the file held
    return parse(value) if isinstance(value, str) else value


# A moment so far from now is still one: a later one would have no date.
Span = Annotated[
    timedelta,
    Field(le=timedelta(days=36_525)),
    BeforeValidator(_read),
    PlainSerializer(text, return_type=str),
]
"""A timedelta that files and messages write as `15m`, of a hundred years at the most."""

Interval = Annotated[
    timedelta,
    Field(ge=timedelta(seconds=1), le=timedelta(days=3_650)),
    BeforeValidator(_read),
    PlainSerializer(text, return_type=str),
]
"""A span of a second or more, and of ten years at the most."""
