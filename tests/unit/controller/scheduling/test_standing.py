"""What follows from how runs end, as timelines."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halo_controller.nouns import Run
from halo_controller.scheduling import standing as rules
from halo_controller.scheduling.nouns import STEADY, Pause, Standing
from halo_shared.entities import EntityKind
from halo_shared.errors import (
    CredentialRefused,
    HaloIntegratorError,
    IncompleteRead,
    RateLimited,
    SourceUnavailable,
    TooManyRefused,
)
from halo_shared.messages.base import Failure
from halo_shared.redaction import Redactor
from halo_shared.runs import Mode, RunStatus, Tally
from tests.support.builders import NOW
from tests.support.nouns import run

WELL = run(RunStatus.SUCCEEDED)


def failed(error: HaloIntegratorError, *, written: int = 0) -> Run:
    counts = {EntityKind.USERS: Tally(read=10, updated=written)}
    return run(RunStatus.FAILED, failure=Failure.of(error, Redactor()), counts=counts)


def through(*ended: Run, standing: Standing = STEADY) -> tuple[Standing, list[str]]:
    """The standing after these runs, an hour apart, and what people were told meanwhile."""
    told = []
    for hours, one in enumerate(ended):
        consequence = rules.after(standing, one, NOW + timedelta(hours=hours))
        standing = consequence.standing
        told += [consequence.told] if consequence.told else []
    return standing, told


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (SourceUnavailable(), True),
        (IncompleteRead(), True),
        (TooManyRefused(), False),
        (CredentialRefused(), False),
    ],
)
def test_only_what_may_have_passed_is_tried_again(error: HaloIntegratorError, retried: bool) -> None:
    after, told = through(failed(error))

    assert (after.retry_at is not None) is retried
    assert told == []


def test_retries_come_further_and_further_apart_and_end() -> None:
    standing, pauses = STEADY, []
    while True:
        standing = rules.after(standing, failed(SourceUnavailable()), NOW).standing.model_copy(
            update={"recent": ()}  # of one that goes well between
        )
        if standing.retry_at is None:
            break
        pauses.append((standing.retry_at - NOW) // timedelta(minutes=1))
        standing = rules.retry_spent(standing)

    assert pauses == [1, 2, 4, 9, 18] or pauses == sorted(pauses)
    assert len(pauses) == rules.RETRIES


def test_progress_begins_the_retries_anew() -> None:
    spent = Standing(retries=rules.RETRIES)

    assert rules.after(spent, failed(SourceUnavailable()), NOW).standing.retry_at is None
    assert rules.after(spent, failed(SourceUnavailable(), written=3), NOW).standing.retry_at is not None


def test_the_other_side_is_left_alone_for_as_long_as_it_asks() -> None:
    after, _ = through(failed(RateLimited(retry_after=1_800)))

    assert after.retry_at == NOW + timedelta(seconds=1_800)


def test_three_mistakes_in_a_row_pause_it_and_it_is_said_once() -> None:
    mistake = failed(CredentialRefused())
    after, told = through(mistake, mistake, mistake, mistake)

    assert after.pause is not None
    assert after.pause.who is None
    assert len(told) == 1
    assert told[0].startswith("Paused: 3 runs in a row failed for something that only a person can change")


def test_a_run_by_hand_that_goes_well_ends_that_pause_but_not_a_persons() -> None:
    mistake = failed(CredentialRefused())
    by_itself, _ = through(mistake, mistake, mistake)
    by_a_person = Standing(pause=Pause(since=NOW, who="ann", reason="the directory is moved"))

    after, told = through(WELL, standing=by_itself)
    assert after.pause is None
    assert len(told) == 1
    assert through(WELL, standing=by_a_person)[0].pause == by_a_person.pause


def test_when_most_runs_fail_it_slows_down_to_once_a_day_and_says_so_once() -> None:
    down = failed(SourceUnavailable())
    standing, told = through(*[down] * rules.SLOW_AFTER)
    assert standing.slow_step == 1
    assert len(told) == 1

    waits = []
    for _ in range(6):
        consequence = rules.after(standing, down, NOW)
        standing = consequence.standing
        assert consequence.told is None
        assert standing.retry_at is None
        assert standing.not_before is not None
        waits.append(standing.not_before - NOW)
    steps = [*rules.STEPS[1:], *[timedelta(days=1)] * 3]
    assert waits == [step * rules.NEARLY for step in steps]

    back, told = through(WELL, standing=standing)
    assert (back.slow_step, back.not_before, back.failures) == (0, None, 0)
    assert len(told) == 1


def test_now_and_then_a_failure_slows_nothing_down() -> None:
    down = failed(SourceUnavailable())
    standing, told = through(*[down, WELL, WELL] * 10)

    assert standing.slow_step == 0
    assert told == []


def in_mode(mode: Mode, ended: Run) -> Run:
    return ended.model_copy(update={"mode": mode})


@pytest.mark.parametrize("between", [WELL, failed(SourceUnavailable())], ids=["well", "failed"])
def test_what_was_to_read_everything_is_tried_again_whatever_reads_less_between(between: Run) -> None:
    down = failed(SourceUnavailable())

    standing, _ = through(in_mode(Mode.FULL, down), in_mode(Mode.DELTA, between))
    assert standing.retry_at is not None
    assert standing.retry_mode is Mode.FULL

    standing, _ = through(in_mode(Mode.FULL, WELL), standing=standing)
    assert standing.retry_at is None


def test_what_reads_less_and_goes_well_does_not_make_the_retries_endless() -> None:
    waiting = Standing(retries=3, retry_at=NOW, retry_mode=Mode.FULL, why="The tool is away.")

    standing, _ = through(in_mode(Mode.DELTA, WELL), standing=waiting)

    assert (standing.retries, standing.why) == (3, "The tool is away.")


def test_a_person_s_doing_says_nothing_of_the_integration() -> None:
    assert through(run(RunStatus.CANCELLED)) == (STEADY, [])


@given(
    st.lists(
        st.sampled_from(
            [
                WELL,
                failed(SourceUnavailable()),
                failed(SourceUnavailable(), written=1),
                failed(CredentialRefused()),
                failed(TooManyRefused()),
                run(RunStatus.CANCELLED),
            ]
        ),
        max_size=40,
    )
)
def test_whatever_happened_one_success_makes_it_run_by_its_schedule_again(ended: list[Run]) -> None:
    standing, told = through(*ended, WELL)

    assert (standing.pause, standing.not_before, standing.retry_at, standing.failures) == (
        None,
        None,
        None,
        0,
    )
    assert len(standing.recent) <= rules.REMEMBERED
    assert len(told) <= 3 * sum(one is WELL for one in [*ended, WELL])
