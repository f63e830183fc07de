"""What people write of when an integration runs, and what is refused before the scheduler meets it."""

from typing import Any

import pytest
from pydantic import ValidationError

from halo_shared.schedules import Blackout, Schedule

OFFICE = {"from": "08:00", "to": "18:00"}


@pytest.mark.parametrize(
    ("written", "refusal"),
    [
        ({}, "give one of every: 15m, cron"),
        ({"every": "15m", "cron": "0 2 * * *"}, "give one of every: 15m, cron"),
        ({"every": "0s"}, "greater than or equal to 1 second"),
        ({"every": "9000000d"}, "less than or equal to 3650 days"),
        ({"cron": "0 2 * * *", "spread": "900000000d"}, "less than or equal to 36525 days"),
        ({"cron": "0 2 * *"}, "does not have five fields: write minute, hour"),
        ({"cron": "0 0 2 * * *"}, "does not have five fields: write minute, hour"),
        ({"cron": "0 26 * * *"}, "is not a cron line .*: write minute, hour"),
        ({"cron": "0 0 30 2 *"}, "is not a cron line"),
        ({"rrule": "FREQ=DAILY;INTERVAL=0"}, "an INTERVAL of 0 never gets further"),
        ({"rrule": "FREQ=DAILY;INTERVAL=0;BYHOUR=4"}, "an INTERVAL of 0 never gets further"),
        ({"rrule": "FREQ=DAILY;UNTIL=20261231T000000Z"}, "without the Z of UTC"),
        ({"rrule": "FREQ=HOURLY"}, "it speaks of days and longer"),
        ({"rrule": "FREQ=DAILY;COUNT=0"}, "names no moment that ever comes"),
        ({"rrule": "FREQ=DAILY;UNTIL=20260101", "starting": "2026-02-01T00:00:00"}, "names no moment"),
        ({"rrule": "FREQ=DAILY", "starting": "2026-01-01T00:00:00Z"}, "should not have timezone info"),
        ({"rrule": "daily"}, "is not a calendar rule"),
        ({"every": "15m", "window": OFFICE | {"days": []}}, "at least 1 item"),
        ({"every": "15m", "window": OFFICE | {"from": "08:00Z"}}, "without a zone, as in 22:00"),
        ({"every": "15m", "window": {"from": "08:00", "to": "08:00"}}, "'from' and 'to' are the same"),
        ({"every": "15m", "overlap": "allow"}, "would write against each other"),
        ({"cron": "0 2 * * *", "zone": "Europe/Atlantis"}, "is not a time zone"),
    ],
)
def test_what_would_never_run_or_never_end_is_refused_with_what_to_write(
    written: dict[str, Any],  # Any: as a file would say it
    refusal: str,
) -> None:
    with pytest.raises(ValidationError, match=refusal):
        Schedule.model_validate(written)


@pytest.mark.parametrize(
    "written",
    [
        {"rrule": "FREQ=DAILY;INTERVAL=10;BYHOUR=4"},
        {"rrule": "FREQ=DAILY;UNTIL=20240201"},  # it was right once, and is read again each time
        {"cron": "0 2 29 2 *"},
        {"cron": "*/5  22-23,0-5 * * mon-fri"},
        {"every": "3650d", "window": OFFICE | {"days": ["sat"]}},
    ],
)
def test_what_is_odd_but_right(written: dict[str, Any]) -> None:  # Any: as a file would say it
    schedule = Schedule.model_validate(written)

    assert Schedule.model_validate(schedule.model_dump(by_alias=True, mode="json")) == schedule


def test_a_blackout_without_a_time_is_refused() -> None:
    with pytest.raises(ValidationError, match="say when: give 'hours'"):
        Blackout.model_validate({"name": "the move"})
