"""Which errors are one incident, and what ends it."""

from datetime import timedelta
from uuid import uuid4

import pytest

from halo_controller.incidents.causes import recovery_by, seen_in
from halo_controller.incidents.folding import MOST_EXAMPLES, opened_by, together, updated_by
from halo_controller.incidents.headlines import title
from halo_controller.incidents.nouns import Condition, IncidentState
from halo_shared.entities import EntityKind
from halo_shared.errors import (
    CredentialRefused,
    HaloCredentialRefused,
    HaloIntegratorError,
    RecordRefused,
    SourceUnavailable,
)
from halo_shared.integrators import Integrator
from halo_shared.messages.base import Failure
from halo_shared.messages.events import Direction, Level, RecordEvent, StatusChanged
from halo_shared.redaction import Redactor
from halo_shared.runs import RunStatus
from tests.support.builders import NOW, Attempted, finished, logged, origin
from tests.support.incidents import cause, incident, sighting

LOCAL = Integrator.LOCAL
OTHER_RUN = "ba9876543210"


def failed(error: HaloIntegratorError, of: Attempted = Attempted()) -> object:  # noqa: B008  a value, never changed
    return finished(of, RunStatus.FAILED, failure=Failure.of(error, Redactor()))


def refused(name: str, text: str, of: Attempted = Attempted()) -> RecordEvent:  # noqa: B008  as above
    return RecordEvent(
        id=uuid4(),
        at=NOW,
        origin=origin(of),
        seq=4,
        level=Level.ERROR,
        text=text,
        entity=EntityKind.USERS,
        source_id=name,
        name=name,
        outcome="failed",
        failure=Failure.of(RecordRefused(text), Redactor()),
    )


def key_of(event: object) -> str:
    seen = seen_in(event, LOCAL)  # type: ignore[arg-type]  # any event
    assert seen
    return seen.cause.key


def test_the_text_with_its_times_and_ids_makes_no_other_cause() -> None:
    first = failed(SourceUnavailable("10.0.0.1:636 did not answer at 12:00:01 (try 1)"))
    second = failed(
        SourceUnavailable("10.0.0.2:636 did not answer at 13:37:59 (try 3)"), Attempted(id=OTHER_RUN)
    )
    assert key_of(first) == key_of(second)


@pytest.mark.parametrize(
    "other",
    [
        failed(SourceUnavailable(), Attempted(integration="machines")),
        failed(SourceUnavailable(), Attempted(tenant="globex")),
        failed(CredentialRefused()),
        refused("jane", "Halo says no."),
    ],
)
def test_another_integration_tenant_code_or_place_is_another_cause(other: object) -> None:
    assert key_of(other) != key_of(failed(SourceUnavailable()))


def test_the_records_of_one_entity_that_fail_alike_are_one_cause_with_examples() -> None:
    seen = [seen_in(refused(f"user{n}", f"row {n}: name too long"), LOCAL) for n in range(10_000)]

    (one,) = together(each for each in seen if each)

    assert one.errors == 10_000
    assert one.examples == tuple(f"user{n}" for n in range(MOST_EXAMPLES))
    assert one.cause.place == EntityKind.USERS
    assert opened_by(one).failures == 1


def test_it_keeps_level_direction_kind_run_and_agent() -> None:
    seen = seen_in(refused("jane", "Halo says no."), Integrator.HOSTED)
    assert seen
    assert (seen.level, seen.direction, seen.integrator) == (
        Level.ERROR,
        Direction.INCOMING,
        Integrator.HOSTED,
    )
    assert (seen.run, seen.agent, seen.message) == (Attempted().id, "one", "Halo says no.")


def test_a_halo_that_lets_nobody_in_concerns_the_tenant_once() -> None:
    refusals = [
        failed(HaloCredentialRefused(), Attempted(integration=name)) for name in ("people", "machines")
    ]
    assert len({key_of(refusal) for refusal in refusals}) == 1
    seen = seen_in(refusals[0], LOCAL)  # type: ignore[arg-type]  # any event
    assert seen
    assert (seen.cause.tenant, seen.cause.integration) == ("acme", None)


def test_a_lost_run_is_a_failure_too() -> None:
    lost = StatusChanged(
        id=uuid4(),
        at=NOW,
        origin=origin(Attempted()),
        seq=0,
        level=Level.ERROR,
        text="Lost.",
        status=RunStatus.LOST,
        failure=Failure.of(SourceUnavailable(), Redactor()),
    )
    assert seen_in(lost, LOCAL)


@pytest.mark.parametrize(
    "event",
    [
        finished(Attempted()),
        finished(Attempted(), RunStatus.CANCELLED, failure=Failure.of(HaloIntegratorError(), Redactor())),
        logged(Attempted()),
    ],
)
def test_what_is_no_error_is_no_cause(event: object) -> None:
    assert seen_in(event, LOCAL) is None  # type: ignore[arg-type]  # any event


def test_an_incident_counts_errors_and_the_runs_that_had_them() -> None:
    one = opened_by(sighting())
    same_run = updated_by(one, sighting(NOW + timedelta(seconds=1), message="Again."))
    next_run = updated_by(same_run, sighting(NOW + timedelta(hours=1), run=OTHER_RUN, errors=7))

    assert (same_run.errors, same_run.failures, same_run.message) == (2, 1, "Again.")
    assert (next_run.errors, next_run.failures, next_run.run) == (9, 2, OTHER_RUN)
    assert (next_run.id, next_run.opened_at, next_run.state) == (one.id, NOW, IncidentState.OPEN)


def test_its_title_stays_the_same_while_it_lasts() -> None:
    one = opened_by(sighting())
    assert title(updated_by(one, sighting(message="12 others"))) == title(one)


@pytest.mark.parametrize(
    ("status", "over"),
    [
        (RunStatus.SUCCEEDED, True),
        (RunStatus.PARTIAL, True),
        (RunStatus.HELD, False),
        (RunStatus.FAILED, False),
        (RunStatus.CANCELLED, False),
    ],
)
def test_a_failure_is_over_when_a_run_goes_through(status: RunStatus, over: bool) -> None:
    ended = finished(Attempted(id=OTHER_RUN), status)  # type: ignore[arg-type]  # each is final
    assert bool(recovery_by(ended, incident())) is over


def test_records_are_well_when_a_later_run_goes_through_without_them() -> None:
    of_users = incident(of=cause(code="RecordRefused", place="users"))
    assert recovery_by(finished(Attempted(), RunStatus.PARTIAL), of_users) is None
    assert recovery_by(finished(Attempted(id=OTHER_RUN), RunStatus.PARTIAL), of_users)


def test_a_run_of_another_integration_ends_only_what_concerns_the_whole_tenant() -> None:
    of_machines = finished(Attempted(id=OTHER_RUN, integration="machines"))
    assert recovery_by(of_machines, incident()) is None
    assert recovery_by(of_machines, incident(of=cause(integration=None, code="HaloCredentialRefused")))
    assert recovery_by(finished(Attempted(tenant="globex")), incident()) is None


def test_a_condition_is_not_ended_by_a_run() -> None:
    held = incident(of=cause(code=Condition.RUN_HELD))
    assert recovery_by(finished(Attempted(id=OTHER_RUN)), held) is None
