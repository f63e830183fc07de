"""A run and its job are opened together, or not at all."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from halo_controller import steering
from halo_controller.dispatcher import Opening, open_runs, queue_again
from halo_controller.errors import Conflict, NotFound
from halo_controller.leasing import FIRST_CHOICE_FOR
from halo_controller.lifecycle import Happening
from halo_controller.nouns import Run, Trigger
from halo_controller.store import integrations, runs, tables
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrators import HOSTED_GROUP
from halo_shared.messages.commands import LeaseGranted, Offer
from halo_shared.messages.events import StatusChanged
from halo_shared.messages.requests import Goodbye
from halo_shared.runs import RunStatus
from halo_shared.topology import EVENTS, Address, to_group
from tests.support.builders import (
    NOW,
    OTHER_SESSION,
    REF,
    SESSION,
    excess,
    finished,
    hello,
    integration_spec,
    lease_request,
)
from tests.support.clock import ManualClock
from tests.unit.controller.centre import Centre, a_centre


async def test_opening_writes_the_run_its_job_and_what_is_told(centre: Centre) -> None:
    await centre.set_up("one")

    opened = await centre.open()

    assert await centre.run(opened.id) == opened
    assert (opened.status, opened.group, opened.queued_at) == (RunStatus.QUEUED, "site", NOW)
    assert (await centre.integration()).last_opened_at == NOW
    job, told = await centre.waiting()
    assert (job.to, job.run, job.envelope.id) == (to_group("site"), opened.id, f"{opened.id}.0")
    assert (told.to, told.run) == (Address(EVENTS.name, "acme.people.status.info"), None)
    ((event, superseded),) = await centre.told()
    assert isinstance(event, StatusChanged)
    assert (event.status, event.text, superseded) == (
        RunStatus.QUEUED,
        "Queued for group site: a person asked for it.",
        False,
    )


class TestFirstChoice:
    """The agent that made the attempt before is asked before its group."""

    async def test_it_is_offered_the_run(self, centre: Centre) -> None:
        await centre.set_up("one", "two")
        await made_an_attempt(centre)

        opened = await centre.open()
        await centre.publisher.publish_some()

        assert opened.offered_to == "one"
        assert await centre.jobs() == []
        assert await centre.heard("one") == [Offer(run=opened.id)]
        assert (await centre.run(opened.id)).status is RunStatus.DISPATCHED
        event, _ = (await centre.told())[-1]
        assert event.text == (
            "Queued for group site: a person asked for it. Agent one made the attempt before and is asked first."
        )
        (granted,) = await centre.ask(lease_request(opened.id))
        assert isinstance(granted, LeaseGranted)

    async def test_what_it_does_not_take_goes_to_the_group(self, centre: Centre) -> None:
        await centre.set_up("one", "two")
        await made_an_attempt(centre)
        opened = await centre.open()
        await centre.publisher.publish_some()

        centre.clock.move(FIRST_CHOICE_FOR + timedelta(seconds=1))
        await centre.reconciler.tick()
        await centre.publisher.publish_some()

        assert [job.run for job in await centre.jobs()] == [opened.id]
        assert (await centre.run(opened.id)).offered_to is None
        event, _ = (await centre.told())[-1]
        assert event.text == ("Queued again for group site: agent one was asked first and did not take it.")
        await centre.ask(hello("two", OTHER_SESSION))
        (granted,) = await centre.ask(lease_request(opened.id, "two", OTHER_SESSION))
        assert isinstance(granted, LeaseGranted)

    async def test_one_that_has_no_slot_left_is_not_asked(self, centre: Centre) -> None:
        others = [IntegrationRef("acme", name) for name in ("assets", "sites")]
        await centre.set_up("one", "two")
        async with centre.database.write() as db:
            for other in others:
                await integrations.add(db, other.tenant, integration_spec(other.name), NOW)
                await integrations.switch(db, other, enabled=True)
        for ref in (REF, *others):
            await made_an_attempt(centre, ref)
        await centre.open(others[0])
        await centre.open(others[1])  # and so it is asked for both of its slots

        opened = await centre.open()

        assert opened.offered_to is None

    async def test_one_that_is_gone_is_not_asked(self, centre: Centre) -> None:
        await centre.set_up("one", "two")
        await made_an_attempt(centre)
        await centre.ask(Goodbye(agent="one", session=SESSION))

        opened = await centre.open()

        assert opened.offered_to is None


async def made_an_attempt(centre: Centre, ref: IntegrationRef = REF) -> None:
    """Agent one has the links of this integration, and can be told so."""
    await centre.inbox.take(finished(await centre.leased(ref=ref)))
    await centre.jobs()
    await centre.ask(hello().model_copy(update={"obeys": ("offer",)}))


async def test_the_job_names_the_run_and_what_it_needs(centre: Centre) -> None:
    await centre.set_up("one")
    opened = await centre.open()

    await centre.publisher.publish_some()

    (job,) = await centre.jobs()
    assert (job.run, job.tenant, job.integration, job.connector, job.queued_at) == (
        opened.id,
        "acme",
        "people",
        "ldap",
        NOW,
    )


class TestTogether:
    """Several are opened as if one were opened after the other."""

    @pytest.fixture
    async def furnished(self, centre: Centre) -> Centre:
        """With four integrations of group site; the last is disabled."""
        await centre.set_up("one", "two")
        async with centre.database.write() as db:
            for name in ("sites", "assets", "rest"):
                await integrations.add(db, REF.tenant, integration_spec(name), NOW)
                await integrations.switch(db, IntegrationRef(REF.tenant, name), enabled=name != "rest")
        return centre

    async def opened(self, centre: Centre, **changes: object) -> Sequence[Run | Conflict]:
        """A run of each, by name, wanted at the same moment; their definitions are changed so before."""
        async with centre.database.write() as db:
            wanted = [
                Opening(
                    one.model_copy(update={"spec": one.spec.model_copy(update=changes)}),
                    Trigger.SCHEDULE,
                    f"{one.spec.name} is due",
                )
                for one in await integrations.every(db)
            ]
            return await open_runs(db, wanted, NOW)

    async def test_what_stands_in_the_way_of_one_holds_up_no_other(self, furnished: Centre) -> None:
        before = await furnished.open()

        assets, people, rest, sites = await self.opened(furnished)

        assert isinstance(people, Conflict)
        assert before.id in people.message
        assert isinstance(rest, Conflict)
        assert "'acme/rest' is disabled" in rest.message
        assert isinstance(assets, Run)
        assert isinstance(sites, Run)
        for run, reason in ((assets, "assets is due"), (sites, "sites is due")):
            assert await furnished.run(run.id) == run
            assert (run.reason, run.status) == (reason, RunStatus.QUEUED)
        waiting = [one.run for one in await furnished.waiting() if one.run]
        assert waiting == [before.id, assets.id, sites.id]

    async def test_no_agent_is_offered_more_than_it_has_slots_for(self, furnished: Centre) -> None:
        await made_an_attempt(furnished)
        async with furnished.database.write() as db:
            await db.execute(update(tables.integrations).values(last_agent="one"))

        opened = [one for one in await self.opened(furnished) if isinstance(one, Run)]

        assert [run.offered_to for run in opened] == ["one", "one", None]

    async def test_no_tenant_has_more_than_its_share_of_the_hosted_line(self, furnished: Centre) -> None:
        opened = [one for one in await self.opened(furnished, group=HOSTED_GROUP) if isinstance(one, Run)]

        assert [run.waits_for_turn for run in opened] == [False, False, True]
        assert [one.run for one in await furnished.waiting() if one.run] == [run.id for run in opened[:2]]


async def test_a_fault_half_way_leaves_nothing(centre: Centre) -> None:
    await centre.set_up("one")
    async with centre.database.write() as db:
        await db.run_sync(tables.events.drop)  # so that the last of the statements fails

    with pytest.raises(OperationalError, match="no such table: events"):
        await centre.open()

    async with centre.database.read() as db:
        assert await runs.every(db) == []
    assert await centre.waiting() == []
    assert (await centre.integration()).last_opened_at is None


DIES_BEFORE_IT_COMMITS = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from halo_controller.dispatcher import open_run
from halo_controller.nouns import Trigger
from halo_controller.store.database import open_database
from halo_shared.identifiers import IntegrationRef

async def main():
    async with open_database(Path(sys.argv[1])) as database, database.write() as db:
        await open_run(db, IntegrationRef("acme", "people"), Trigger.PERSON, "test", datetime.now(UTC))
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_a_controller_that_is_killed_half_way_leaves_nothing(
    tmp_path: Path, clock: ManualClock
) -> None:
    file = tmp_path / "controller.db"
    async with a_centre(file, clock) as centre:
        await centre.set_up("one")

    process = await asyncio.create_subprocess_exec(sys.executable, "-c", DIES_BEFORE_IT_COMMITS, str(file))
    assert await process.wait() == -signal.SIGKILL

    async with a_centre(file, clock) as centre:
        async with centre.database.read() as db:
            assert await runs.every(db) == []
        assert await centre.waiting() == []
        assert (await centre.open()).status is RunStatus.QUEUED


@pytest.mark.parametrize(
    ("group", "enabled", "sentence"),
    [
        (
            "site",
            False,
            "'acme/people' is disabled; enable it with: halo-controller integrations enable acme/people",
        ),
        (
            None,
            True,
            "'acme/people' is assigned to no group of agents; assign it with: halo-controller integrations assign acme/people --group GROUP",
        ),
    ],
)
async def test_what_is_not_ready_is_not_opened(
    centre: Centre, group: str | None, enabled: bool, sentence: str
) -> None:
    await centre.set_up("one", spec=integration_spec(group=group), enabled=enabled)

    with pytest.raises(Conflict) as refused:
        await centre.open()

    assert refused.value.message == sentence
    assert await centre.waiting() == []


async def test_an_integration_has_one_open_run(centre: Centre) -> None:
    await centre.set_up("one")
    first = await centre.open()

    with pytest.raises(Conflict) as refused:
        await centre.open()

    assert refused.value.message == (
        f"'acme/people' has an open run {first.id} (queued); wait for its end, or stop it with: "
        f"halo-controller runs cancel {first.id}"
    )
    assert len(await centre.waiting()) == 2  # of the first


async def test_it_may_run_again_when_the_run_has_ended(centre: Centre) -> None:
    await centre.set_up("one")
    first = await centre.leased()
    await centre.inbox.take(finished(first))

    assert (await centre.open()).id != first.id


async def test_there_is_no_run_of_an_integration_that_there_is_not(centre: Centre) -> None:
    await centre.set_up("one")

    with pytest.raises(NotFound, match=r"There is no integration 'acme/assets'. There are: acme/people."):
        await centre.open(IntegrationRef("acme", "assets"))


async def test_a_run_that_is_queued_again_has_nothing_of_the_last_attempt(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    async with centre.database.write() as db:
        again = await queue_again(db, leased, Happening.ATTEMPT_LOST, "the agent is gone", NOW)

    assert await centre.run(leased.id) == again
    assert (again.status, again.attempt, again.fence) == (RunStatus.QUEUED, 1, 0)
    assert (again.agent, again.session, again.lease_until, again.deadline, again.progress) == (None,) * 5
    job = (await centre.waiting())[0]
    assert (job.run, job.envelope.id) == (leased.id, f"{leased.id}.1")


@pytest.mark.parametrize(
    ("happening", "kept"), [(Happening.ATTEMPT_LOST, False), (Happening.NOT_TAKEN, True)]
)
async def test_what_was_approved_holds_for_one_attempt(
    centre: Centre, happening: Happening, *, kept: bool
) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    await centre.inbox.take(finished(leased, RunStatus.HELD, held_for=(excess(),)))
    async with centre.database.write() as db:
        approved = await steering.approve(db, await centre.run(leased.id), None, "Ann", NOW)
    before = RunStatus.RUNNING if happening is Happening.ATTEMPT_LOST else RunStatus.DISPATCHED

    async with centre.database.write() as db:
        await queue_again(db, approved.model_copy(update={"status": before}), happening, "so it is", NOW)

    assert approved.approved
    assert (await centre.run(leased.id)).approved == (approved.approved if kept else ())


async def test_a_run_is_queued_again_for_the_group_it_is_assigned_to_now(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()

    async with centre.database.write() as db:
        await integrations.change(db, REF, integration_spec(group="other"), NOW)
        again = await queue_again(db, leased, Happening.ATTEMPT_LOST, "the agent is gone", NOW)

    assert again.group == "other"
    assert (await centre.waiting())[0].to == to_group("other")


async def test_what_has_ended_is_not_queued_again(centre: Centre) -> None:
    await centre.set_up("one")
    leased = await centre.leased()
    await centre.inbox.take(finished(leased))
    ended = await centre.run(leased.id)

    with pytest.raises(Conflict, match=f"Run {ended.id} is succeeded; it cannot be queued again."):
        async with centre.database.write() as db:
            await queue_again(db, ended, Happening.ATTEMPT_LOST, "the agent is gone", NOW)
