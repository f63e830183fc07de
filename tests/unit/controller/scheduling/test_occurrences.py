"""The moments of a timing, also where the clocks change."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from halo_controller.scheduling.occurrences import gap, offset_of, upcoming
from halo_shared.identifiers import IntegrationRef
from halo_shared.schedules import Timing
from tests.support.builders import NOW, REF

AMSTERDAM, NEW_YORK = "Europe/Amsterdam", "America/New_York"
LORD_HOWE, KOLKATA = "Australia/Lord_Howe", "Asia/Kolkata"
EVERY_DAY = "FREQ=DAILY;BYHOUR={};BYMINUTE={};BYSECOND=0"


def local(timing: Timing, after: str, count: int) -> list[str]:
    """The next moments as the wall clock of the timing's zone shows them, with what it is ahead of UTC."""
    zone = ZoneInfo(timing.zone or "UTC")
    begin = datetime.fromisoformat(after).replace(tzinfo=zone).astimezone(UTC)
    found = islice(upcoming(timing, REF, begin, zone), count)
    return [f"{one.at.astimezone(zone):%d %H:%M%z}" for one in found]


@pytest.mark.parametrize(
    ("zone", "cron", "after", "moments"),
    [
        # the night on which 02:00 becomes 03:00
        (AMSTERDAM, "30 2 * * *", "2026-03-27T12:00", ["28 02:30+0100", "29 03:00+0200", "30 02:30+0200"]),
        (AMSTERDAM, "30 * * * *", "2026-03-29T00:45", ["29 01:30+0100", "29 03:30+0200", "29 04:30+0200"]),
        (NEW_YORK, "15 2 * * *", "2026-03-07T12:00", ["08 03:00-0400", "09 02:15-0400"]),
        # the night on which 03:00 becomes 02:00
        (AMSTERDAM, "30 2 * * *", "2026-10-24T12:00", ["25 02:30+0200", "26 02:30+0100"]),
        (AMSTERDAM, "30 * * * *", "2026-10-25T01:45", ["25 02:30+0200", "25 02:30+0100", "25 03:30+0100"]),
        (NEW_YORK, "30 1 * * *", "2026-10-31T12:00", ["01 01:30-0400", "02 01:30-0500"]),
        # half an hour only
        (LORD_HOWE, "15 2 * * *", "2026-10-03T12:00", ["04 02:30+1100", "05 02:15+1100"]),
        (LORD_HOWE, "45 1 * * *", "2026-04-04T12:00", ["05 01:45+1100", "06 01:45+1030"]),
        # never
        (KOLKATA, "30 2 * * *", "2026-03-28T12:00", ["29 02:30+0530", "30 02:30+0530"]),
    ],
)
def test_a_cron_line_goes_by_debians_cron_where_the_clocks_change(
    zone: str, cron: str, after: str, moments: list[str]
) -> None:
    assert local(Timing(cron=cron, zone=zone), after, len(moments)) == moments


@pytest.mark.parametrize(
    ("zone", "hour", "minute", "after", "moments"),
    [
        (AMSTERDAM, 2, 30, "2026-03-27T12:00", ["28 02:30+0100", "29 03:30+0200", "30 02:30+0200"]),
        (AMSTERDAM, 2, 30, "2026-10-24T12:00", ["25 02:30+0200", "26 02:30+0100"]),
        (NEW_YORK, 2, 15, "2026-03-07T12:00", ["08 03:15-0400", "09 02:15-0400"]),
        (NEW_YORK, 1, 30, "2026-10-31T12:00", ["01 01:30-0400", "02 01:30-0500"]),
        (LORD_HOWE, 2, 15, "2026-10-03T12:00", ["04 02:45+1100", "05 02:15+1100"]),
        (LORD_HOWE, 1, 45, "2026-04-04T12:00", ["05 01:45+1100", "06 01:45+1030"]),
        (KOLKATA, 2, 30, "2026-03-28T12:00", ["29 02:30+0530", "30 02:30+0530"]),
    ],
)
def test_a_calendar_rule_goes_by_rfc_5545_where_the_clocks_change(
    zone: str, hour: int, minute: int, after: str, moments: list[str]
) -> None:
    timing = Timing(rrule=EVERY_DAY.format(hour, minute), zone=zone)

    assert local(timing, after, len(moments)) == moments


def test_the_day_on_which_the_clocks_change_is_marked() -> None:
    begin = datetime(2026, 3, 27, 12, tzinfo=UTC)
    found = islice(upcoming(Timing(cron="0 12 * * *", zone=AMSTERDAM), REF, begin, ZoneInfo("UTC")), 3)

    assert [one.clocks_change for one in found] == [False, True, False]


def test_the_zone_is_the_tenants_where_the_timing_names_none() -> None:
    (first,) = islice(upcoming(Timing(cron="0 9 * * *"), REF, NOW, ZoneInfo(KOLKATA)), 1)

    assert first.at.astimezone(ZoneInfo(KOLKATA)).hour == 9


def test_rules_reach_where_cron_does_not() -> None:
    every_other_week = Timing(rrule="FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;BYHOUR=4;BYMINUTE=0;BYSECOND=0")

    assert local(every_other_week, "2026-01-01T00:00", 3) == [
        "04 04:00+0000",
        "18 04:00+0000",
        "01 04:00+0000",
    ]


def test_an_integration_keeps_its_place_in_the_spread_and_many_fill_it() -> None:
    hour = timedelta(hours=1)
    offsets = [offset_of(IntegrationRef("acme", f"i{number}"), hour) for number in range(1_000)]

    assert offsets == [offset_of(IntegrationRef("acme", f"i{number}"), hour) for number in range(1_000)]
    assert all(timedelta(0) <= offset < hour for offset in offsets)
    for ten_minutes in range(6):
        begin = timedelta(minutes=10 * ten_minutes)
        assert 100 < sum(begin <= offset < begin + timedelta(minutes=10) for offset in offsets) < 240


@settings(deadline=None)  # a rule is counted from its start, and a busy machine is slow
@given(
    after=st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
    timing=st.sampled_from(
        [
            Timing(cron="*/7 * * * *", zone=LORD_HOWE),
            Timing(cron="30 2 * * *", zone=AMSTERDAM, spread=timedelta(hours=2)),
            Timing(rrule="FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=20;BYSECOND=0", zone=NEW_YORK),
            Timing(rrule=EVERY_DAY.format(1, 30), zone=AMSTERDAM, spread=timedelta(minutes=9)),
            Timing(every=timedelta(minutes=11)),
        ]
    ),
)
@example(
    after=datetime(2025, 3, 7, 9, tzinfo=UTC),  # two days before 02:20 is skipped, and falls on 03:20
    timing=Timing(rrule="FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=20;BYSECOND=0", zone=NEW_YORK),
)
def test_moments_come_in_order_after_the_one_asked_for_and_none_is_lost_by_asking_again(
    after: datetime, timing: Timing
) -> None:
    zone = ZoneInfo("UTC")
    found = [one.at for one in islice(upcoming(timing, REF, after, zone), 6)]

    assert found[0] > after
    assert found == sorted(set(found))
    asked_one_by_one = [after]
    for _ in found:
        asked_one_by_one.append(next(upcoming(timing, REF, asked_one_by_one[-1], zone)).at)
    assert asked_one_by_one[1:] == found


def test_the_usual_gap_is_the_longest_between_the_next_few() -> None:
    assert gap(Timing(cron="0 9,12 * * *"), REF, NOW, ZoneInfo("UTC")) == timedelta(hours=21)
    assert gap(Timing(rrule="FREQ=DAILY;COUNT=1"), REF, NOW, ZoneInfo("UTC")) is None
