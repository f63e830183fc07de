"""What is to come, with reasons."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from halo_controller.nouns import Run, Tenant
from halo_controller.scheduling.nouns import STEADY, Pause, Planned, Preview, Standing
from halo_controller.scheduling.outlook import coming, next_start
from halo_controller.scheduling.planning import beginnings
from halo_controller.scheduling.situation import Situation
from halo_shared.integrations import IntegrationSpec, TenantSpec
from halo_shared.runs import Mode
from halo_shared.schedules import Blackout
from tests.support.builders import NOW, RUN_ID, integration_spec, tenant_spec
from tests.support.nouns import integration, running

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
OFFICE = Blackout.model_validate({"name": "office hours", "hours": {"from": "08:00", "to": "18:00"}})


def situation(
    schedule: dict[str, Any] | None,  # Any: as a file would say it
    *,
    now: datetime = NOW,
    enabled: bool = True,
    open_run: Run | None = None,
    standing: Standing = STEADY,
    blackouts: Sequence[Blackout] = (),
    worked_out: bool = True,
) -> Situation:
    spec = IntegrationSpec.model_validate(
        integration_spec().model_dump(by_alias=True) | {"schedule": schedule}
    )
    owner = TenantSpec.model_validate(
        tenant_spec().model_dump() | {"blackouts": blackouts, "zone": AMSTERDAM.key}
    )
    known = integration(spec, enabled=enabled, last_opened_at=now)
    known = known.model_copy(update={"planned": worked_out})
    return Situation(known, Tenant(spec=owner, created_at=NOW), now, open_run, standing)


def planned(of: Situation) -> Sequence[Planned]:
    """As the scheduler plans it."""
    return beginnings(of)


def preview(of: Situation, count: int) -> list[Preview]:
    return list(islice(coming(of, planned(of)), count))


def local(moments: Sequence[Preview]) -> list[str]:
    return [f"{one.at.astimezone(AMSTERDAM):%d %H:%M}" for one in moments]


def test_the_moments_of_all_cycles_come_in_their_order() -> None:
    found = preview(situation({"cron": "0 */8 * * *", "full": {"cron": "0 2 * * *"}}), 5)

    assert [one.mode for one in found] == [Mode.DELTA, Mode.DELTA, Mode.FULL, Mode.DELTA, Mode.DELTA]
    assert local(found) == ["05 16:00", "06 00:00", "06 02:00", "06 08:00", "06 16:00"]
    assert all(one.will_run and not one.remarks for one in found)


def test_what_a_blackout_or_a_holiday_forbids_says_so() -> None:
    holiday = Blackout(name="Epiphany", dates=(date(2026, 1, 6),))
    found = preview(situation({"cron": "0 9,20 * * *"}, blackouts=[OFFICE, holiday]), 4)

    assert [(moment, one.will_run, one.remarks) for moment, one in zip(local(found), found, strict=True)] == [
        ("05 20:00", True, ()),
        ("06 09:00", False, ("nothing starts for acme then: office hours",)),
        ("06 20:00", False, ("nothing starts for acme then: Epiphany",)),
        ("07 09:00", False, ("nothing starts for acme then: office hours",)),
    ]


def test_an_interval_that_the_hours_forbid_comes_when_they_end() -> None:
    found = preview(situation({"every": "3h"}, blackouts=[OFFICE]), 4)

    assert local(found) == ["05 16:00", "05 18:00", "05 21:00", "06 00:00"]
    assert [one.will_run for one in found] == [False, True, True, True]


def test_hours_that_leave_no_moment_free_end_no_loop() -> None:
    always = Blackout.model_validate({"name": "the move", "hours": {"from": "18:00", "to": "08:00"}})
    found = preview(situation({"every": "3h"}, blackouts=[OFFICE, always]), 3)

    assert local(found) == ["05 16:00", "05 19:00", "05 22:00"]
    assert not any(one.will_run for one in found)


def test_the_night_on_which_the_clocks_change_is_remarked() -> None:
    night = datetime(2026, 3, 28, 12, tzinfo=AMSTERDAM)
    found = preview(situation({"cron": "30 2 * * *"}, now=night), 2)

    assert local(found) == ["29 03:00", "30 02:30"]
    assert [one.remarks for one in found] == [("the clocks change on that day",), ()]


@pytest.mark.parametrize(
    ("given", "remark"),
    [
        ({"enabled": False}, "it is disabled"),
        (
            {"standing": Standing(pause=Pause(since=NOW, who="ann", reason="a move"))},
            "it is paused: a move",
        ),
    ],
)
def test_what_does_not_start_at_all_says_why_at_each_moment(
    given: dict[str, Any],  # Any: what `situation` takes
    remark: str,
) -> None:
    found = preview(situation({"every": "1h"}, **given), 3)

    assert [(one.will_run, one.remarks) for one in found] == [(False, (remark,))] * 3


def test_a_slower_pace_passes_moments_until_its_probe() -> None:
    slow = Standing(failures=6, slow_step=2, not_before=NOW + timedelta(hours=2))
    found = preview(situation({"cron": "0 * * * *"}, standing=slow), 3)

    assert [one.will_run for one in found] == [False, True, True]
    assert "slowed down after 6 failed runs" in found[0].remarks[0]


def test_a_series_that_ends_has_no_more_moments() -> None:
    rule = {"rrule": "FREQ=DAILY;COUNT=2;BYHOUR=4;BYMINUTE=0;BYSECOND=0", "starting": "2026-01-06T00:00:00"}

    assert local(preview(situation(rule), 10)) == ["06 04:00", "07 04:00"]
    assert preview(situation(None), 10) == []


@pytest.mark.parametrize(
    ("of", "due", "reason"),
    [
        (situation({"every": "1h"}, enabled=False), False, "it is disabled"),
        (situation(None), False, "it has no schedule and runs only when somebody asks for it"),
        (
            situation({"every": "1h"}, standing=Standing(pause=Pause(since=NOW, who=None, reason="x"))),
            False,
            "it is paused: x",
        ),
        (situation({"every": "1h"}, open_run=running()), False, f"run {RUN_ID} is still running"),
        (situation({"every": "1h"}), False, "it runs every 1h, next at 2026-01-05 13:00:00 UTC"),
        (
            situation({"rrule": "FREQ=DAILY;COUNT=1;BYHOUR=4;BYMINUTE=0;BYSECOND=0"}),
            False,
            "its schedule has no further moment",
        ),
    ],
)
def test_the_next_start_is_named_or_why_there_is_none(of: Situation, due: bool, reason: str) -> None:
    found = next_start(of, planned(of))

    assert (found.due, found.reason) == (due, reason)


def test_of_two_that_come_at_the_same_moment_the_more_thorough_one_starts() -> None:
    found = preview(situation({"cron": "0 2 * * *", "full": {"cron": "0 2 * * *"}}), 2)
    assert [(one.mode, one.will_run, one.remarks) for one in found] == [
        (Mode.FULL, True, ()),
        (Mode.DELTA, False, ("a run that reads more starts then",)),
    ]

    found = preview(situation({"cron": "0 2 * * *", "full": {"cron": "0 2 * * *"}, "overlap": "queue"}), 2)
    assert [(one.mode, one.will_run, one.remarks) for one in found] == [
        (Mode.FULL, True, ()),
        (Mode.DELTA, True, ("it waits for the run that starts then",)),
    ]


def test_an_interval_counts_from_the_runs_of_other_cycles_too() -> None:
    found = preview(situation({"every": "2h", "full": {"cron": "0 14 * * *"}}), 3)

    assert [one.mode for one in found] == [Mode.FULL, Mode.DELTA, Mode.DELTA]
    assert local(found) == ["05 14:00", "05 16:00", "05 18:00"]


def test_what_is_disabled_or_just_changed_is_previewed_by_its_definition_of_now() -> None:
    stale = beginnings(situation({"cron": "0 5 * * *"}, now=NOW - timedelta(days=9)))
    for of in (
        situation({"cron": "0 2 * * *"}, enabled=False),
        situation({"cron": "0 2 * * *"}, worked_out=False),
    ):
        assert local(list(islice(coming(of, stale), 2))) == ["06 02:00", "07 02:00"]
        assert local(list(islice(coming(of, ()), 2))) == ["06 02:00", "07 02:00"]


SLOW = Standing(failures=6, slow_step=2, not_before=NOW + timedelta(hours=2, minutes=1))


@pytest.mark.parametrize(
    ("of", "at"),
    [
        (situation({"every": "1h"}, blackouts=[OFFICE]), "05 18:00"),
        (situation({"cron": "0 * * * *"}, blackouts=[OFFICE]), "05 18:00"),
        (situation({"cron": "30 * * * *", "window": {"from": "22:00", "to": "23:00"}}), "05 22:30"),
        (situation({"cron": "30 21 * * *", "window": {"from": "22:00", "to": "23:00"}}), None),
        (situation({"every": "1h"}, standing=SLOW), "05 16:00"),
        (situation({"cron": "0 * * * *"}, standing=SLOW), "05 16:00"),
        (situation({"cron": "0 9 * * *", "full": {"cron": "0 20 * * *"}}, blackouts=[OFFICE]), "05 20:00"),
        (situation({"every": "1d"}, standing=Standing(retry_at=NOW + timedelta(minutes=1))), "05 13:01"),
        (
            situation(
                {"every": "1d"}, standing=Standing(retry_at=NOW + timedelta(minutes=1)), blackouts=[OFFICE]
            ),
            "06 18:00",
        ),
    ],
)
def test_the_next_start_is_one_that_will_be(of: Situation, at: str | None) -> None:
    found = next_start(of, planned(of))

    assert (f"{found.at.astimezone(AMSTERDAM):%d %H:%M}" if found.at else None) == at
    first = next((one for one in preview(of, 40) if one.will_run), None)
    if not of.standing.retry_at:
        assert (first.at if first else None) == found.at
