"""What an attempt says, in order and without secrets."""

from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from halo_agent.reporter import PROGRESS_EVERY, Ending, EventReporter, Reports
from halo_agent.store.outbox import Outbox
from halo_shared.errors import Cancelled, HaloIntegratorError, LeaseLost, RecordRefused, SourceUnavailable
from halo_shared.messages.base import Failure
from halo_shared.messages.commands import LeaseGranted
from halo_shared.messages.events import Finished, Level, Origin, Progress, RecordEvent, Stage, Started
from halo_shared.redaction import Redactor
from halo_shared.runs import Mode, RunStatus, Tally
from tests.support.agent import spooled
from tests.support.builders import NOW, RUN_ID, excess
from tests.support.clock import ManualClock
from tests.support.engine import USERS, assignment

CANARY = "canary-5f3a"
COUNTS = {USERS: Tally(read=1200, created=3, updated=2, retired=1, unchanged=1190, skipped=2, failed=2)}


@pytest.fixture
def redactor() -> Redactor:
    redactor = Redactor()
    redactor.learn(SecretStr(CANARY))
    return redactor


@pytest.fixture
def reporter(outbox: Outbox, clock: ManualClock, redactor: Redactor) -> EventReporter:
    grant = LeaseGranted(
        ask=uuid4(),
        run=RUN_ID,
        fence=7,
        attempt=2,
        lease_seconds=60,
        deadline=NOW + timedelta(hours=6),
        requests_per_minute=50,
        assignment=assignment(),
    )
    return Reports("one", outbox, clock, redactor).of(grant)


async def test_events_carry_who_speaks_of_what_and_in_which_order(
    reporter: EventReporter, outbox: Outbox, clock: ManualClock
) -> None:
    await reporter.started("ldap", Mode.FULL, 2)
    clock.move(5)
    await reporter.log("a remark")
    await reporter.finished(Ending(RunStatus.SUCCEEDED, COUNTS))

    events = await spooled(outbox)
    origin = Origin(tenant="acme", integration="people", run=RUN_ID, fence=7, agent="one")
    assert [(event.seq, event.origin) for event in events] == [(1, origin), (2, origin), (3, origin)]
    assert [event.at for event in events] == [NOW, *[NOW + timedelta(seconds=5)] * 2]
    assert len({event.id for event in events}) == 3
    assert isinstance(events[0], Started)
    assert events[0].text == "Attempt 2 started on agent one: full read with ldap."


class TestProgress:
    async def test_it_is_told_now_and_then_and_always_at_the_end_of_a_stage(
        self, reporter: EventReporter, outbox: Outbox, clock: ManualClock
    ) -> None:
        for done in range(5):
            await reporter.progress(Stage.READ, done, None, {})
        clock.move(PROGRESS_EVERY)
        for done in range(5, 8):
            await reporter.progress(Stage.READ, done, None, {})
        await reporter.progress(Stage.APPLY, 0, 10, {})
        for done in range(1, 11):
            await reporter.progress(Stage.APPLY, done, 10, COUNTS)

        told = [event for event in await spooled(outbox) if isinstance(event, Progress)]
        assert [(one.stage, one.done) for one in told] == [
            (Stage.READ, 0),
            (Stage.READ, 5),
            (Stage.READ, 7),
            (Stage.APPLY, 0),
            (Stage.APPLY, 10),
        ]
        assert told[-1].counts == COUNTS

    async def test_what_is_being_done_and_counted_is_known_even_when_it_is_not_told(
        self, reporter: EventReporter
    ) -> None:
        await reporter.progress(Stage.READ, 0, None, {})
        await reporter.progress(Stage.READ, 1200, None, COUNTS)
        reading = reporter.doing
        await reporter.progress(Stage.APPLY, 3, 1200, COUNTS)

        assert (reading, reporter.doing) == ("read 1,200", "apply 3 of 1,200")
        assert reporter.counts == COUNTS

    async def test_how_fast_it_goes_is_known_once_that_says_something(
        self, reporter: EventReporter, clock: ManualClock
    ) -> None:
        await reporter.progress(Stage.READ, 500, None, {})
        clock.move(2)
        await reporter.progress(Stage.READ, 30_000, None, {})
        reading = reporter.doing
        await reporter.progress(Stage.READ, 100, None, {})

        assert reading == "read 30,000, 15,000 a second"
        assert reporter.doing == "read 100"


@pytest.mark.parametrize(("outcome", "level"), [("failed", Level.ERROR), ("skipped", Level.WARNING)])
async def test_a_record_is_told_with_its_failure(
    reporter: EventReporter, outbox: Outbox, outcome: str, level: Level
) -> None:
    await reporter.record(USERS, "a-1", "Anna", outcome, RecordRefused("No mail."))  # type: ignore[arg-type]  # from a table

    (event,) = await spooled(outbox)
    assert isinstance(event, RecordEvent)
    assert (event.level, event.text, event.outcome) == (level, "users: Anna: No mail.", outcome)
    assert (event.entity, event.source_id, event.name, event.failure.code) == (
        USERS,
        "a-1",
        "Anna",
        "RecordRefused",
    )


class TestEndings:
    @pytest.mark.parametrize(
        ("ending", "level", "text"),
        [
            (
                Ending(RunStatus.SUCCEEDED, COUNTS),
                Level.INFO,
                "1,200 read, 3 created, 2 updated, 1 retired, 1,190 unchanged, 2 skipped, 2 failed.",
            ),
            (Ending(RunStatus.PARTIAL, COUNTS), Level.WARNING, "1,200 read"),
            (
                Ending(RunStatus.HELD, COUNTS, held_for=(excess(),)),
                Level.WARNING,
                "Held for approval: it would deactivate 212 of 1,200 users in Halo and may deactivate 40 ",
            ),
            (
                Ending.after(SourceUnavailable("No answer from dc1."), COUNTS, Redactor()),
                Level.ERROR,
                "No answer from dc1. The next run tries it again",
            ),
            (Ending.after(Cancelled(), COUNTS, Redactor()), Level.WARNING, "A person cancelled the run."),
        ],
        ids=["succeeded", "partial", "held", "failed", "cancelled"],
    )
    async def test_the_last_word_says_in_a_sentence_what_came_of_it(
        self, reporter: EventReporter, outbox: Outbox, ending: Ending, level: Level, text: str
    ) -> None:
        await reporter.finished(ending)

        (event,) = await spooled(outbox)
        assert isinstance(event, Finished)
        assert (event.level, event.status, event.counts) == (level, ending.status, COUNTS)
        assert (event.held_for, event.failure) == (ending.held_for, ending.failure)
        assert event.text.startswith(text)

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (Cancelled(), RunStatus.CANCELLED),
            (LeaseLost(), RunStatus.FAILED),
            (KeyError("x"), RunStatus.FAILED),
        ],
    )
    def test_an_error_ends_an_attempt_as_cancelled_or_failed(
        self, error: Exception, status: RunStatus
    ) -> None:
        ending = Ending.after(error, COUNTS, Redactor(), requests=9)

        assert (ending.status, ending.counts, ending.requests, ending.cursors) == (status, COUNTS, 9, {})
        assert ending.failure == Failure.of(error, Redactor())


async def test_no_secret_leaves_in_any_field(
    reporter: EventReporter, outbox: Outbox, redactor: Redactor
) -> None:
    error: HaloIntegratorError = RecordRefused(f"Refused {CANARY}.", detail=f"sent {CANARY}")

    await reporter.log(f"remark {CANARY}")
    await reporter.record(USERS, CANARY, f"Anna {CANARY}", "failed", error)
    await reporter.finished(Ending.after(error, {}, redactor))

    events = await spooled(outbox)
    assert len(events) == 3
    assert CANARY not in "".join(event.model_dump_json() for event in events)
