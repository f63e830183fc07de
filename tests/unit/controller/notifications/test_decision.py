"""Who hears of what and when, told as timelines: errors at these minutes, messages at those."""

from datetime import UTC, datetime, timedelta

import pytest

from halo_controller.notifications.decision import DoNotTell, Memory, Tell, Wait, decide
from halo_controller.notifications.nouns import Occasion, Told
from halo_shared.integrators import Integrator
from halo_shared.messages.events import Direction, Level
from tests.support.builders import NOW
from tests.support.incidents import Some, cause, incident, person
from tests.unit.controller.notifications.timeline import OPENED, RECOVERED, REMINDER, Timeline, silence

HOUR = timedelta(hours=1)


def test_an_error_is_told_at_once_and_its_recovery_too() -> None:
    assert Timeline(person()).play(errors=[1], recovers=5) == [(1, OPENED), (5, RECOVERED)]


def test_ten_thousand_equal_errors_make_one_opening_one_reminder_and_one_recovery() -> None:
    of_one_run = Timeline(person(incoming={"reminder": "2h"}), same_run=True)

    said = of_one_run.play(
        errors=[minute for minute in range(500) for _ in range(20)], recovers=520, until=600
    )

    assert of_one_run.incident
    assert of_one_run.incident.errors == 10_000
    assert said == [(0, OPENED), (120, REMINDER), (520, RECOVERED)]


def test_an_acknowledged_one_brings_no_reminder_but_its_recovery() -> None:
    wants = person(incoming={"reminder": "1h"})
    assert Timeline(wants).play(errors=[1], acknowledged=10, recovers=200, until=240) == [
        (1, OPENED),
        (200, RECOVERED),
    ]


def test_without_a_reminder_it_is_told_once() -> None:
    assert Timeline(person(incoming={"reminder": None})).play(errors=[1], until=3000) == [(1, OPENED)]


def test_after_three_failures_and_not_before() -> None:
    patient = person(incoming={"after_failures": 3})
    assert Timeline(patient).play(errors=[1, 2], recovers=4) == []
    assert Timeline(patient).play(errors=[1, 11, 21], recovers=31) == [(21, OPENED), (31, RECOVERED)]


def test_three_errors_of_one_run_are_one_failure() -> None:
    patient = person(incoming={"after_failures": 3})
    assert Timeline(patient, same_run=True).play(errors=[1, 2, 3, 4]) == []


def test_recoveries_only_for_those_who_want_them() -> None:
    assert Timeline(person(incoming={"recovery": False})).play(errors=[1], recovers=5) == [(1, OPENED)]


def test_an_hourly_digest_comes_at_the_full_hour_and_leaves_out_what_is_over() -> None:
    hourly = person(incoming={"pace": "hourly"})
    assert Timeline(hourly).play(errors=[20], until=90) == [(60, OPENED)]
    assert Timeline(hourly).play(errors=[20], recovers=40, until=90) == []
    assert Timeline(hourly).play(errors=[20], recovers=70, until=130) == [(60, OPENED), (120, RECOVERED)]


def test_a_daily_digest_comes_at_the_persons_own_time_of_day() -> None:
    daily = person(incoming={"pace": "daily"}, zone="Asia/Tokyo", digest_at="23:00")  # 14:00 UTC
    assert Timeline(daily).play(errors=[20], until=300) == [(120, OPENED)]


def test_quiet_hours_hold_back_until_their_end_what_is_not_over_by_then() -> None:
    sleeper = person(zone="Europe/London", quiet={"from": "12:30", "to": "14:00"})
    assert Timeline(sleeper).play(errors=[10], recovers=40, until=200) == [(10, OPENED), (120, RECOVERED)]
    assert Timeline(sleeper).play(errors=[40], until=200) == [(120, OPENED)]
    assert Timeline(sleeper).play(errors=[40], recovers=60, until=200) == []


def test_quiet_hours_reach_over_midnight_and_know_their_days() -> None:
    weekdays = person(quiet={"from": "22:00", "to": "07:00", "days": ["mon", "tue", "wed", "thu", "fri"]})
    late_on_monday = datetime(2026, 1, 5, 23, 0, tzinfo=UTC)
    late_on_saturday = datetime(2026, 1, 10, 23, 0, tzinfo=UTC)

    assert Timeline(weekdays, start=late_on_monday).play(errors=[0], until=600) == [(480, OPENED)]
    assert Timeline(weekdays, start=late_on_saturday).play(errors=[0], until=600) == [(0, OPENED)]


def test_quiet_hours_keep_to_the_wall_clock_when_it_changes() -> None:
    sleeper = person(zone="Europe/London", quiet={"from": "22:00", "to": "07:00"})
    before_spring = datetime(
        2026, 3, 28, 22, 0, tzinfo=UTC
    )  # the night is an hour shorter: 07:00 is 06:00 UTC

    assert Timeline(sleeper, start=before_spring).play(errors=[0], until=600) == [(480, OPENED)]


def test_a_silence_holds_back_until_its_end() -> None:
    until_noon_and_half = silence(ends_at=NOW + HOUR / 2)
    assert Timeline(person(), silences=[until_noon_and_half]).play(errors=[5]) == [(30, OPENED)]
    assert Timeline(person(), silences=[until_noon_and_half]).play(errors=[5], recovers=20) == []


def test_a_maintenance_window_is_a_silence_that_begins_later() -> None:
    window = silence(starts_at=NOW + HOUR / 2, ends_at=NOW + HOUR)
    assert Timeline(person(), silences=[window]).play(errors=[5], recovers=40, until=90) == [
        (5, OPENED),
        (60, RECOVERED),
    ]


def test_a_mute_holds_until_it_is_lifted() -> None:
    assert Timeline(person(), silences=[silence()]).play(errors=[5], until=3000) == []


@pytest.mark.parametrize(
    "narrow",
    [
        {"tenant": "globex"},
        {"integration": "machines"},
        {"code": "TargetUnavailable"},
        {"person": "bob"},
        {"incident": "ffffffff"},
    ],
)
def test_a_silence_covers_no_more_than_it_names(narrow: Some) -> None:
    assert Timeline(person(), silences=[silence(**narrow)]).play(errors=[5], recovers=6, until=7) == [
        (5, OPENED),
        (6, RECOVERED),
    ]


@pytest.mark.parametrize(
    ("who", "what", "reason"),
    [
        (
            person(tenant="globex"),
            incident(),
            "it concerns tenant acme, and jane belongs to tenant globex",
        ),
        (
            person(),
            incident(of=cause(tenant=None, integration=None), direction=None),
            "it concerns the whole installation, and jane belongs to tenant acme",
        ),
        (
            person(incoming={"pace": "never"}),
            incident(),
            "jane wants to hear of no incoming errors",
        ),
        (
            person(),
            incident(level=Level.WARNING),
            "its level is warning, and jane wants error and louder",
        ),
        (
            person(incoming={"integrations": ["machines"]}),
            incident(),
            "it is about none of the integrations that jane chose",
        ),
        (
            person(incoming={"integrators": ["hosted"]}),
            incident(),
            "it is about none of the kinds of integrator that jane chose",
        ),
        (
            person(),
            incident(acknowledged_at=NOW, acknowledged_by="bob"),
            "bob acknowledged it before it was told",
        ),
        (
            person(),
            incident(recovered_at=NOW),
            "it was over before it was told",
        ),
    ],
)
def test_why_somebody_is_not_told(who: Some, what: Some, reason: str) -> None:
    assert decide(who, what, Memory(), (), NOW) == DoNotTell(reason)


def test_incoming_and_outgoing_are_chosen_apart() -> None:
    outgoing_only = person(incoming={"pace": "never"})
    outgoing = incident(direction=Direction.OUTGOING)

    assert isinstance(decide(outgoing_only, incident(), Memory(), (), NOW), DoNotTell)
    assert isinstance(decide(outgoing_only, outgoing, Memory(), (), NOW), Tell)


def test_operators_hear_of_every_tenant_and_of_the_installation() -> None:
    operator = person(tenant=None)
    of_all = incident(of=cause(tenant=None, integration=None), direction=None, integrator=None)

    assert isinstance(decide(operator, incident(of=cause(tenant="globex")), Memory(), (), NOW), Tell)
    assert isinstance(decide(operator, of_all, Memory(), (), NOW), Tell)


def test_a_hosted_integrators_error_for_one_who_chose_hosted() -> None:
    hosted = person(incoming={"integrators": ["hosted"]})
    assert isinstance(decide(hosted, incident(integrator=Integrator.HOSTED), Memory(), (), NOW), Tell)


def test_records_that_fail_alike_are_waited_for_a_moment() -> None:
    of_records = incident(of=cause(code="RecordRefused", place="users"))
    moment = timedelta(seconds=10)
    assert decide(person(), of_records, Memory(), (), NOW) == Wait(
        "it has just begun, and more records may fail alike", NOW + moment
    )
    assert isinstance(decide(person(), of_records, Memory(), (), NOW + moment), Tell)


def test_the_decision_says_why_it_tells() -> None:
    assert decide(person(), incident(), Memory(), (), NOW) == Tell(
        Occasion.OPENED, "jane wants incoming errors of tenant acme at error and louder"
    )


def test_after_so_many_messages_in_an_hour_the_rest_waits_for_a_free_place() -> None:
    modest = person(at_most=2)
    lately = [NOW - timedelta(minutes=50), NOW - timedelta(minutes=10)]

    assert decide(modest, incident(), Memory((), lately), (), NOW) == Wait(
        "jane has had 2 messages within the hour", NOW + timedelta(minutes=10)
    )
    later = NOW + timedelta(minutes=10)
    assert isinstance(decide(modest, incident(), Memory((), lately), (), later), Tell)


def test_what_was_told_is_not_told_again_and_says_when_it_was() -> None:
    told = [Told(occasion=Occasion.OPENED, at=NOW), Told(occasion=Occasion.REMINDER, at=NOW + 24 * HOUR)]
    assert decide(person(), incident(), Memory(told), (), NOW + 99 * HOUR) == DoNotTell(
        "it was told at 2026-01-05 12:00 UTC and once more at 2026-01-06 12:00 UTC"
    )
