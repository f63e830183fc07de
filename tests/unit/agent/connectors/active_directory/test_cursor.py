"""Whether a read goes on from the last one, and whom a full one believes to be gone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from halo_agent.connectors.active_directory.cursor import (
    Cursor,
    Everything,
    Since,
    believe,
    by_count,
    decide,
)
from halo_agent.connectors.active_directory.directory import Facts
from halo_shared.runs import Mode

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def facts(**changes: Any) -> Facts:
    given: dict[str, Any] = {
        "host": "dc1", "base": "DC=a", "site": "S", "invocation": "aa", "usn": 500, "time": NOW, "groups": "g",
    }  # fmt: skip
    return Facts(**(given | changes))


def cursor(**changes: Any) -> Cursor:
    given: dict[str, Any] = {
        "controller": "dc1", "invocation": "aa", "usn": 400, "read": "r", "at": NOW, "full_at": NOW,
        "sees_deleted": True, "groups": "g", "caught": (10, 3),
    }  # fmt: skip
    return Cursor(**(given | changes))


def decided(before: Cursor | None, now: Facts, mode: Mode = Mode.DELTA) -> Everything | Since:
    text = before.model_dump_json() if before else None
    return decide(mode, text, now, read="r", now=NOW, full_every=timedelta(days=1))


def test_it_goes_on_where_it_ended() -> None:
    assert decided(cursor(), facts()) == Since(cursor(), by_cookie=False)


def test_dirsync_goes_on_at_any_controller() -> None:
    before = cursor(cookie="00ff", sees_deleted=False)
    assert decided(before, facts(host="dc2", invocation="bb")) == Since(before, by_cookie=True)


def test_everything_is_read_when_everything_is_wanted() -> None:
    assert decided(cursor(), facts(), Mode.FULL) == Everything()


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        (None, facts(), "no earlier read"),
        (cursor(read="other"), facts(), "was changed"),
        (cursor(), facts(host="dc2"), "dc2 answers today and dc1 did before"),
        (cursor(), facts(invocation="bb"), "another database"),
        (cursor(), facts(usn=399), "put back to an earlier state"),
        (cursor(at=NOW - timedelta(days=61)), facts(), "too long ago"),
        (cursor(sees_deleted=False, full_at=NOW - timedelta(days=1)), facts(), "full_every"),
    ],
)
def test_everything_is_read_with_a_reason(before: Cursor | None, now: Facts, why: str) -> None:
    found = decided(before, now)
    assert isinstance(found, Everything)
    assert why in found.why


def test_what_is_no_cursor_is_none() -> None:
    assert Cursor.of("{}") is None
    assert Cursor.of("nonsense") is None
    assert Cursor.of(None) is None


def test_a_count_that_did_not_move_goes_on() -> None:
    assert isinstance(by_count(cursor(usn=500), facts(usn=500)), Since)


SALES, HALL = "5a1e5000", "4a110000"
BEFORE = cursor(sees_deleted=False, caught=(13,), units={SALES: 10, HALL: 1})


@pytest.mark.parametrize(
    ("before", "after", "visible", "absence"),
    [
        (None, {}, {SALES}, True),
        (BEFORE, {}, {SALES, HALL}, True),
        (BEFORE, {"units": {SALES: 8, HALL: 1}, "caught": (9,)}, {SALES, HALL}, True),
        (BEFORE, {"units": {SALES: 10}, "caught": (10,)}, {SALES, HALL}, True),
        (BEFORE, {"units": {SALES: 10}, "caught": (10,)}, {SALES}, False),
        (BEFORE, {"units": {HALL: 1}, "caught": (1,)}, {SALES, HALL}, False),
        (BEFORE, {"units": {}, "caught": (0,)}, {SALES, HALL}, False),
        (BEFORE, {"groups": "other", "caught": (12,)}, {SALES, HALL}, False),
        (BEFORE, {"groups": "other", "caught": (14,)}, {SALES, HALL}, True),
        (BEFORE, {"read": "other scope", "units": {}, "caught": (0,)}, {SALES}, True),
    ],
)
def test_an_account_that_sees_less_proves_nothing(
    before: Cursor | None, after: dict[str, Any], visible: set[str], absence: bool
) -> None:
    belief = believe(before, BEFORE.model_copy(update=after), visible)

    assert belief.absence is absence
    assert bool(belief.why) is not absence
