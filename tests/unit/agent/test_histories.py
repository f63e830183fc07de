"""Outcomes on their way to the centre: few messages, no secrets, nothing endless."""

from uuid import uuid4

import pytest
from pydantic import SecretStr

from halo_agent.histories import EVERY, FIELDS, KEYS, LONGEST, TOGETHER, Gathering, presentable
from halo_agent.reporter import Ending, Reports
from halo_agent.store.outbox import Outbox
from halo_shared.messages.commands import LeaseGranted
from halo_shared.messages.events import Outcomes
from halo_shared.outcomes import FieldChange, History, Outcome, Result
from halo_shared.redaction import HIDDEN, Redactor
from halo_shared.runs import RunStatus
from tests.support.agent import spooled
from tests.support.builders import NOW, RUN_ID, outcome
from tests.support.clock import ManualClock
from tests.support.engine import assignment

CANARY = "canary-5f3a"


@pytest.fixture
def redactor() -> Redactor:
    redactor = Redactor()
    redactor.learn(SecretStr(CANARY))
    return redactor


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def gathering(history: History, clock: ManualClock, redactor: Redactor) -> Gathering:
    return Gathering(history, clock, redactor)


class TestWhatIsWanted:
    @pytest.mark.parametrize(
        ("history", "wanted"),
        [
            (History.OFF, []),
            (History.FAILURES, ["failed", "skipped", "planned"]),
            (History.ALL, ["created", "failed", "skipped", "planned"]),
        ],
    )
    def test_no_more_is_told_than_the_tenant_keeps(
        self, history: History, wanted: list[str], clock: ManualClock, redactor: Redactor
    ) -> None:
        waiting = gathering(history, clock, redactor)
        waiting.add(outcome("created", Result.CREATED))
        waiting.add(outcome("failed", Result.FAILED))
        waiting.add(outcome("skipped", Result.SKIPPED))
        waiting.add(outcome("planned", Result.RETIRED, planned=True))

        assert [one.source_id for one in waiting.take()] == wanted


class TestTogether:
    def test_they_wait_for_others_until_there_are_many(self, clock: ManualClock, redactor: Redactor) -> None:
        waiting = gathering(History.ALL, clock, redactor)
        for number in range(TOGETHER - 1):
            waiting.add(outcome(str(number)))
        few = waiting.due

        waiting.add(outcome("one more"))

        assert (few, waiting.due) == (False, True)
        assert len(waiting.take()) == TOGETHER
        assert waiting.take() == []

    def test_they_do_not_wait_long(self, clock: ManualClock, redactor: Redactor) -> None:
        waiting = gathering(History.ALL, clock, redactor)
        waiting.add(outcome())
        clock.move(EVERY)

        assert waiting.due

    def test_large_ones_do_not_make_a_large_message(self, clock: ManualClock, redactor: Redactor) -> None:
        waiting = gathering(History.ALL, clock, redactor)
        fields = tuple(
            FieldChange(field=f"f{n}", before="b" * 1_000, after="a" * 1_000) for n in range(FIELDS)
        )
        while not waiting.due:
            waiting.add(outcome(fields=fields))

        assert sum(len(one.model_dump_json()) for one in waiting.take()) < 1_000_000

    async def test_five_hundred_records_are_three_messages(
        self, outbox: Outbox, clock: ManualClock, redactor: Redactor
    ) -> None:
        grant = LeaseGranted(
            ask=uuid4(),
            run=RUN_ID,
            fence=7,
            attempt=2,
            lease_seconds=60,
            deadline=NOW,
            requests_per_minute=50,
            assignment=assignment().model_copy(update={"history": History.ALL}),
        )
        reporter = Reports("one", outbox, clock, redactor).of(grant)
        for number in range(500):
            await reporter.outcome(outcome(str(number)))
        await reporter.finished(Ending(RunStatus.SUCCEEDED, {}))

        told = [event for event in await spooled(outbox) if isinstance(event, Outcomes)]
        assert [len(event.outcomes) for event in told] == [200, 200, 100]
        assert [event.text for event in told] == ["200 updated.", "200 updated.", "100 updated."]
        assert {event.attempt for event in told} == {2}


class TestWhatMayLeave:
    def test_no_text_of_it_holds_a_secret(self, redactor: Redactor) -> None:
        said = f"before {CANARY} after"
        told = Outcome(
            entity=outcome().entity,
            source_id=said,
            name=said,
            result=Result.FAILED,
            reason=said,
            matched=said,
            placed=said,
            fields=(FieldChange(field="notes", before=said, after="x" * (LONGEST - 8) + CANARY),),
            keys=(CANARY, "jane@acme.example"),
            advice=said,
        )

        kept = presentable(told, redactor)

        assert "canary" not in kept.model_dump_json()
        assert kept.keys == ("jane@acme.example",)

    def test_a_field_that_is_named_like_a_secret_is_not_shown(self, redactor: Redactor) -> None:
        fields = (
            FieldChange(field="CFBitLockerPassword", after="hunter2hunter2"),
            FieldChange(field="apitoken", before="hunter2hunter2", after="new"),
        )

        kept = presentable(outcome(fields=fields, keys=("hunter2hunter2", "k")), redactor)

        assert [(one.before, one.after) for one in kept.fields] == [("", HIDDEN), (HIDDEN, HIDDEN)]
        assert kept.keys == ("k",)

    def test_a_long_value_is_cut_and_says_so(self, redactor: Redactor) -> None:
        kept = presentable(outcome(fields=(FieldChange(field="notes", after="x" * 1_000_000),)), redactor)

        (one,) = kept.fields
        assert one.after == f"{'x' * LONGEST}… (1,000,000 characters)"

    def test_many_fields_and_keys_are_cut_and_say_so(self, redactor: Redactor) -> None:
        fields = tuple(FieldChange(field=f"f{number}", after="v") for number in range(FIELDS + 5))
        kept = presentable(outcome(fields=fields, keys=tuple(map(str, range(KEYS + 5)))), redactor)

        assert len(kept.fields) == FIELDS + 1
        assert kept.fields[-1].field == "(5 more fields)"
        assert len(kept.keys) == KEYS
