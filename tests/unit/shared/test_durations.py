"""Spans of time as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from halo_shared import durations

SPAN: TypeAdapter[timedelta] = TypeAdapter(durations.Span)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("6h", timedelta(hours=6)),
        ("1d", timedelta(days=1)),
        (" 5 m ", timedelta(minutes=5)),
        ("0s", timedelta(0)),
    ],
)
def test_reading(text: str, span: timedelta) -> None:
    assert durations.parse(text) == span


@pytest.mark.parametrize("text", ["", "15", "m", "1.5h", "-5m", "5 minutes", "1h30m", "PT15M"])
def test_what_is_no_span_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write a number and s, m, h or d, as in 15m"):
        durations.parse(text)


def test_what_is_too_long_is_a_mistake_in_the_file() -> None:
    with pytest.raises(ValidationError, match="longer than any span of time"):
        SPAN.validate_python("99999999999999d")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (90, "90s"), (900, "15m"), (3600, "1h"), (86400, "1d"), (86401, "86401s")],
)
def test_writing(seconds: int, text: str) -> None:
    assert durations.text(timedelta(seconds=seconds)) == text


@given(st.integers(min_value=0, max_value=10**9))
def test_what_is_written_reads_the_same(seconds: int) -> None:
    span = timedelta(seconds=seconds)

    assert durations.parse(durations.text(span)) == span


def test_a_message_carries_it_as_it_is_written() -> None:
    assert SPAN.dump_json(SPAN.validate_python("900s")) == b'"15m"'
