"""From a job in the queue to the last word on it."""

import asyncio

import pytest
from pydantic import SecretStr

from halo_agent import leases as leases_module
from halo_agent import worker as worker_module
from halo_agent.attempts import Attempts
from halo_agent.leases import Lease, Leases
from halo_agent.reporter import Ending, EventReporter, Reports
from halo_agent.store.outbox import Outbox
from halo_agent.worker import Worker
from halo_shared import logs
from halo_shared.clock import SystemClock
from halo_shared.errors import ErrorClass, LeaseLost, MappingInvalid, Unroutable
from halo_shared.messages.events import Finished, Started
from halo_shared.redaction import Redactor
from halo_shared.runs import RunStatus
from halo_shared.topology import agent_queue, jobs_queue
from halo_shared.transport import Delivery, consuming
from halo_shared.transport.amqp import AmqpTransport
from halo_shared.transport.memory import MemoryTransport
from tests.support.agent import Agents, spooled
from tests.support.builders import SESSION
from tests.support.clock import eventually
from tests.support.controller_double import GROUP, ControllerDouble

RUN, OTHER, THIRD = "000000000001", "000000000002", "000000000003"
JOBS = jobs_queue(GROUP)


class Work:
    """A job that goes on until the test lets it go."""

    def __init__(self) -> None:
        self.leases: dict[str, Lease] = {}
        self.let_go = asyncio.Event()
        self.cut_short: list[str] = []
        self.tidies_up_for = 0.0
        """Seconds that it needs to end when it is cut short."""

    async def __call__(self, lease: Lease, reporter: EventReporter) -> Ending:
        self.leases[lease.grant.run] = lease
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.cut_short.append(lease.grant.run)
            await asyncio.sleep(self.tidies_up_for)
            raise
        return Ending(RunStatus.SUCCEEDED, {})

    async def started(self, *runs: str) -> None:
        """Return when work on these is under way."""
        await eventually(lambda: set(runs) <= self.leases.keys())


@pytest.fixture
def work() -> Work:
    return Work()


async def last_words(outbox: Outbox, runs: int = 1) -> dict[str, Finished]:
    """How so many runs ended."""
    while True:
        said = {e.origin.run: e for e in await spooled(outbox) if isinstance(e, Finished)}
        if len(said) >= runs:
            return said
        await asyncio.sleep(0.005)


async def heard(transport: MemoryTransport) -> bool:
    """Whether the agent heard all that it was told."""
    return (await transport.depth(agent_queue("one")), transport.unsettled) == (0, 0)


async def in_hand(transport: MemoryTransport) -> bool:
    """Whether one job was handed out and is not settled."""
    return (await transport.depth(JOBS), transport.unsettled) == (0, 1)


class TestTaking:
    async def test_the_message_is_settled_once_the_lease_is_there_and_the_work_goes_on(
        self, agents: Agents, controller: ControllerDouble, transport: MemoryTransport, work: Work
    ) -> None:
        await agents.start(work)
        await controller.dispatch(RUN)
        await work.started(RUN)

        await eventually(lambda: transport.unsettled == 0)
        assert await transport.depth(JOBS) == 0
        assert not work.let_go.is_set()

    async def test_the_message_is_kept_while_the_controller_is_silent(
        self, agents: Agents, controller: ControllerDouble, transport: MemoryTransport, work: Work
    ) -> None:
        await agents.start(work)
        controller.answers = False
        await controller.dispatch(RUN)
        await eventually(lambda: len(controller.asked) == 1)

        assert transport.unsettled >= 1

    async def test_a_finished_job_ends_with_its_last_word_and_gives_its_lease_back(
        self, agents: Agents, controller: ControllerDouble, outbox: Outbox, work: Work
    ) -> None:
        agent = await agents.start(work)
        work.let_go.set()
        await controller.dispatch(RUN)

        said = (await last_words(outbox))[RUN]
        assert said.status is RunStatus.SUCCEEDED
        assert isinstance((await spooled(outbox))[0], Started)
        await eventually(lambda: agent.leases.held == ())
        assert agent.worker.doing() == []

    async def test_a_job_that_another_is_to_have_goes_back_to_the_group(
        self, agents: Agents, controller: ControllerDouble, work: Work
    ) -> None:
        controller.refused_for_another.add(RUN)
        await agents.start(work, name="one")
        await controller.dispatch(RUN)

        await work.started(RUN)

        assert [ask.run for ask in controller.asked] == [RUN, RUN]

    async def test_a_drained_agent_takes_nothing_new_until_it_is_resumed(
        self, agents: Agents, controller: ControllerDouble, transport: MemoryTransport, work: Work
    ) -> None:
        controller.draining = True
        agent = await agents.start(work)
        await eventually(lambda: agent.worker.resting)
        await controller.dispatch(RUN)
        await asyncio.sleep(0.1)
        assert (controller.asked, await transport.depth(JOBS)) == ([], 1)

        controller.draining = False

        await work.started(RUN)

    async def test_what_is_offered_is_begun_as_a_job_is(
        self, agents: Agents, controller: ControllerDouble, outbox: Outbox, work: Work
    ) -> None:
        agent = await agents.start(work)
        work.let_go.set()
        await controller.offer(RUN)

        assert (await last_words(outbox))[RUN].status is RunStatus.SUCCEEDED
        await eventually(lambda: agent.leases.held == ())

    async def test_what_is_offered_to_a_full_agent_waits_for_a_slot(
        self, agents: Agents, controller: ControllerDouble, work: Work
    ) -> None:
        await agents.start(work, slots=2)
        await controller.dispatch(RUN)
        await work.started(RUN)
        await controller.offer(RUN)  # which it has already
        await controller.offer(OTHER)
        await work.started(OTHER)
        await controller.offer(THIRD)
        await asyncio.sleep(0.1)
        assert [ask.run for ask in controller.asked] == [RUN, OTHER]

        await controller.cancel(RUN)

        await work.started(THIRD)
        assert [ask.run for ask in controller.asked] == [RUN, OTHER, THIRD]

    async def test_a_drained_agent_takes_no_offer(
        self, agents: Agents, controller: ControllerDouble, work: Work
    ) -> None:
        agent = await agents.start(work)
        agent.worker.drain()
        await controller.offer(RUN)

        await agent.working

        assert controller.asked == []

    async def test_what_is_offered_and_refused_is_never_begun(
        self, agents: Agents, controller: ControllerDouble, work: Work
    ) -> None:
        agent = await agents.start(work)
        controller.refused.add(RUN)
        await controller.offer(RUN)
        await eventually(lambda: len(controller.asked) == 1)
        await eventually(lambda: agent.worker.doing() == [])

        assert RUN not in work.leases

    async def test_a_full_agent_leaves_the_next_job_to_an_idle_one(
        self, agents: Agents, controller: ControllerDouble, work: Work
    ) -> None:
        await agents.start(work, name="one")
        await controller.dispatch(RUN)
        await work.started(RUN)
        await agents.start(work, name="two")
        await controller.dispatch(OTHER)
        await work.started(OTHER)

        assert [(ask.agent, ask.run) for ask in controller.asked] == [("one", RUN), ("two", OTHER)]

    async def test_a_full_agent_takes_the_next_job_when_a_slot_is_free(
        self,
        agents: Agents,
        controller: ControllerDouble,
        transport: MemoryTransport,
        outbox: Outbox,
        work: Work,
    ) -> None:
        await agents.start(work, slots=2)
        for run in (RUN, OTHER, THIRD):
            await controller.dispatch(run)
        await work.started(RUN, OTHER)
        await eventually(lambda: transport.unsettled == 0)
        assert await transport.depth(JOBS) == 1
        work.let_go.set()

        assert set(await last_words(outbox, runs=3)) == {RUN, OTHER, THIRD}

    async def test_a_second_copy_of_a_job_in_hand_waits_for_its_end(
        self,
        agents: Agents,
        controller: ControllerDouble,
        transport: MemoryTransport,
        work: Work,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """It may be the job of the next attempt, at a run that this agent has lost and does not know of yet."""
        monkeypatch.setattr(worker_module, "COPY_AGAIN_AFTER", 0.01)
        await agents.start(work, slots=2)
        await controller.dispatch(RUN)
        await work.started(RUN)
        await controller.dispatch(RUN)
        await controller.dispatch(OTHER)
        await work.started(OTHER)
        assert [ask.run for ask in controller.asked] == [RUN, OTHER]

        controller.revoked.add(RUN)

        await eventually(lambda: [ask.run for ask in controller.asked] == [RUN, OTHER, RUN])
        await eventually(lambda: transport.unsettled == 0)
        assert await transport.depth(JOBS) == 0

    async def test_a_job_whose_offer_nobody_answers_is_kept(
        self,
        agents: Agents,
        controller: ControllerDouble,
        transport: MemoryTransport,
        work: Work,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(worker_module, "COPY_AGAIN_AFTER", 0.01)
        monkeypatch.setattr(leases_module, "ANSWER_WITHIN", 0.02)
        await agents.start(work, slots=2)
        controller.answers = False
        await controller.offer(RUN)
        await eventually(lambda: len(controller.asked) == 1)
        await controller.dispatch(RUN)
        await eventually(lambda: len(controller.asked) > leases_module.ASK_TIMES)

        controller.answers = True

        await work.started(RUN)

    async def test_a_run_that_is_offered_and_dispatched_to_a_full_agent_is_begun_once(
        self,
        agents: Agents,
        controller: ControllerDouble,
        transport: MemoryTransport,
        outbox: Outbox,
        work: Work,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(leases_module, "ANSWER_WITHIN", 0.2)
        agent = await agents.start(work, slots=2)
        await controller.dispatch(THIRD)
        await work.started(THIRD)
        controller.answers = False
        await controller.offer(OTHER)
        await eventually(lambda: len(controller.asked) == 2)
        await controller.offer(RUN)
        await eventually(lambda: heard(transport))
        await controller.dispatch(RUN)
        await eventually(lambda: in_hand(transport))  # behind the offer, which waits for a slot as well
        controller.answers = True
        controller.refused.add(OTHER)
        await controller.cancel(THIRD)
        await eventually(lambda: [line[:12] for line in agent.worker.doing()] == [RUN])
        work.let_go.set()
        await last_words(outbox, runs=2)
        await eventually(lambda: agent.worker.doing() == [])

        begun = [e.origin.run for e in await spooled(outbox) if isinstance(e, Started)]
        assert begun == [THIRD, RUN]

    async def test_a_second_copy_that_is_quicker_than_the_last_word_is_settled(
        self,
        agents: Agents,
        controller: ControllerDouble,
        transport: MemoryTransport,
        outbox: Outbox,
        work: Work,
    ) -> None:
        agent = await agents.start(work)
        work.let_go.set()
        await controller.dispatch(RUN)
        await last_words(outbox)
        await eventually(lambda: agent.worker.doing() == [])
        controller.fence -= 1  # it does not know yet, and so grants the same lease once more
        await controller.dispatch(RUN)
        await eventually(lambda: len(controller.asked) == 2)
        await eventually(lambda: agent.worker.doing() == [] and transport.unsettled == 0)

        assert await transport.depth(JOBS) == 0
        assert [event.kind for event in await spooled(outbox)] == ["started", "finished"]
        assert agent.leases.held == ()

    async def test_a_refused_job_is_settled_and_never_begun(
        self,
        agents: Agents,
        controller: ControllerDouble,
        transport: MemoryTransport,
        outbox: Outbox,
        work: Work,
    ) -> None:
        await agents.start(work)
        controller.refused.add(RUN)
        await controller.dispatch(RUN)
        await controller.dispatch(OTHER)
        await work.started(OTHER)

        assert RUN not in work.leases
        assert await transport.depth(JOBS) == 0
        assert {event.origin.run for event in await spooled(outbox)} == {OTHER}

    async def test_without_an_answer_the_job_goes_back_and_is_taken_again(
        self,
        agents: Agents,
        controller: ControllerDouble,
        work: Work,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(leases_module, "ANSWER_WITHIN", 0.01)
        monkeypatch.setattr(consuming, "AGAIN_AFTER", 0.01)
        await agents.start(work)
        controller.answers = False
        await controller.dispatch(RUN)
        await eventually(lambda: len(controller.asked) >= 4)
        assert work.leases == {}
        controller.answers = True

        await work.started(RUN)

    async def test_a_group_without_a_queue_is_told(
        self, agents: Agents, work: Work, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worker_module, "PATIENCE", 0.05)
        agent = await agents.start(work)

        with pytest.raises(Unroutable):
            await agent.worker.run("nowhere")

    async def test_a_fault_in_taking_what_is_offered_ends_it(
        self, agents: Agents, controller: ControllerDouble, work: Work, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def break_down(worker: Worker, run: str, delivery: Delivery | None) -> None:
            raise RuntimeError("a fault of ours")

        monkeypatch.setattr(Worker, "_begin", break_down)
        agent = await agents.start(work)
        await controller.offer(RUN)

        with pytest.raises(RuntimeError, match="a fault of ours"):
            await asyncio.wait_for(agent.working, 2)

    async def test_it_says_what_it_is_doing(
        self, agents: Agents, controller: ControllerDouble, work: Work
    ) -> None:
        agent = await agents.start(work, slots=2)
        await controller.dispatch(RUN)
        await work.started(RUN)
        controller.answers = False
        await controller.dispatch(OTHER)
        await eventually(lambda: len(controller.asked) == 2)

        assert agent.worker.doing() == [f"{RUN}: starting", f"{OTHER}: asking for the lease"]


class TestFailing:
    async def test_a_configuration_error_is_told_in_its_own_sentence(
        self, agents: Agents, controller: ControllerDouble, outbox: Outbox
    ) -> None:
        async def job(lease: Lease, reporter: EventReporter) -> Ending:
            raise MappingInvalid("mapping.users: 'mial' is unknown.")

        await agents.start(job)
        await controller.dispatch(RUN)

        said = (await last_words(outbox))[RUN]
        assert said.status is RunStatus.FAILED
        assert said.failure is not None
        assert said.failure.error_class is ErrorClass.CONFIGURATION
        assert said.text.startswith("mapping.users: 'mial' is unknown.")

    async def test_a_fault_of_ours_is_told_without_a_secret_and_the_agent_goes_on(
        self,
        agents: Agents,
        controller: ControllerDouble,
        outbox: Outbox,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        async def job(lease: Lease, reporter: EventReporter) -> Ending:
            raise KeyError("canary-5f3a")

        agents.redactor.learn(SecretStr("canary-5f3a"))
        logs.configure(agents.redactor, level="debug", style="json")
        await agents.start(job)
        await controller.dispatch(RUN)
        await controller.dispatch(OTHER)
        said = await last_words(outbox, runs=2)

        failure = said[RUN].failure
        assert failure is not None
        assert (failure.code, failure.error_class) == ("KeyError", ErrorClass.INTERNAL)
        lines = capsys.readouterr().err
        assert "attempt_failed" in lines
        assert "canary-5f3a" not in lines + "".join(e.model_dump_json() for e in await spooled(outbox))

    async def test_an_attempt_that_cannot_even_report_ends_nobody_else_s(
        self, agents: Agents, controller: ControllerDouble, outbox: Outbox, transport: MemoryTransport
    ) -> None:
        async def job(lease: Lease, reporter: EventReporter) -> Ending:
            if lease.grant.run == RUN:
                return None  # type: ignore[return-value]  # a job that breaks its contract
            return Ending(RunStatus.SUCCEEDED, {})

        agent = await agents.start(job)
        await controller.dispatch(RUN)
        await controller.dispatch(OTHER)

        assert set(await last_words(outbox)) == {OTHER}
        assert not agent.working.done()


class TestStopping:
    async def test_a_cancelled_run_ends_within_a_second_although_its_work_hangs(
        self, agents: Agents, controller: ControllerDouble, outbox: Outbox, work: Work
    ) -> None:
        await agents.start(work)
        await controller.dispatch(RUN)
        await work.started(RUN)
        await controller.cancel(RUN, "by an operator")

        async with asyncio.timeout(1):
            said = (await last_words(outbox))[RUN]

        assert said.status is RunStatus.CANCELLED
        assert said.failure is not None
        assert "by an operator" in said.failure.message
        assert work.cut_short == [RUN]

    async def test_a_revoked_lease_stops_its_run_and_no_other(
        self, agents: Agents, controller: ControllerDouble, outbox: Outbox, work: Work
    ) -> None:
        await agents.start(work, slots=2)
        for run in (RUN, OTHER):
            await controller.dispatch(run)
        await work.started(RUN, OTHER)
        controller.revoked.add(RUN)

        said = (await last_words(outbox))[RUN]

        assert said.status is RunStatus.FAILED
        assert said.failure is not None
        assert said.failure.code == LeaseLost.__name__
        assert work.cut_short == [RUN]

    async def test_draining_takes_nothing_new_and_lets_what_runs_end(
        self,
        agents: Agents,
        controller: ControllerDouble,
        transport: MemoryTransport,
        outbox: Outbox,
        work: Work,
    ) -> None:
        agent = await agents.start(work, slots=2)
        await controller.dispatch(RUN)
        await work.started(RUN)
        agent.worker.drain()
        await controller.dispatch(OTHER)
        await asyncio.sleep(0.05)
        assert not agent.working.done()
        work.let_go.set()

        await agent.working
        assert (await last_words(outbox))[RUN].status is RunStatus.SUCCEEDED
        assert await transport.depth(JOBS) == 1

    async def test_an_idle_agent_drains_at_once(self, agents: Agents, work: Work) -> None:
        agent = await agents.start(work)
        agent.worker.drain()

        async with asyncio.timeout(1):
            await agent.working

    async def test_draining_while_asking_waits_for_the_answer(
        self, agents: Agents, controller: ControllerDouble, outbox: Outbox, work: Work
    ) -> None:
        agent = await agents.start(work)
        controller.answers = False
        await controller.dispatch(RUN)
        await eventually(lambda: len(controller.asked) == 1)
        agent.worker.drain()
        work.let_go.set()
        await controller.tell(controller.grant(controller.asked[0], fence=1))

        await agent.working
        assert (await last_words(outbox))[RUN].status is RunStatus.SUCCEEDED

    async def test_cancelling_cuts_off_what_runs_and_keeps_its_last_word(
        self, agents: Agents, controller: ControllerDouble, outbox: Outbox, work: Work
    ) -> None:
        agent = await agents.start(work, slots=2)
        for run in (RUN, OTHER):
            await controller.dispatch(run)
        await work.started(RUN, OTHER)
        work.tidies_up_for = 0.05
        agent.worker.drain()
        agent.worker.cancel()
        await eventually(lambda: len(work.cut_short) == 2)
        agent.worker.cancel()  # impatience must not cut off the last word

        await agent.working
        said = await last_words(outbox, runs=2)
        assert {one.status for one in said.values()} == {RunStatus.CANCELLED}
        assert "The agent was stopped" in said[RUN].text

    async def test_cancelling_while_asking_gives_the_job_back(
        self, agents: Agents, controller: ControllerDouble, transport: MemoryTransport, work: Work
    ) -> None:
        agent = await agents.start(work)
        controller.answers = False
        await controller.dispatch(RUN)
        await eventually(lambda: len(controller.asked) == 1)
        agent.worker.drain()
        agent.worker.cancel()

        await agent.working
        assert await transport.depth(JOBS) == 1

    async def test_a_job_that_is_cancelled_before_its_first_step_goes_back(
        self,
        agents: Agents,
        controller: ControllerDouble,
        transport: MemoryTransport,
        work: Work,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        begin = Worker._begin

        def begin_and_stop(worker: Worker, run: str, delivery: Delivery | None) -> None:
            begin(worker, run, delivery)
            worker.drain()
            worker.cancel()

        monkeypatch.setattr(Worker, "_begin", begin_and_stop)
        agent = await agents.start(work)
        await controller.dispatch(RUN)

        async with asyncio.timeout(1):
            await agent.working
        assert agent.worker.doing() == []
        assert await transport.depth(JOBS) == 1

    async def test_the_passing_of_time_alone_stops_work_that_hangs(
        self, agents: Agents, controller: ControllerDouble, outbox: Outbox, work: Work
    ) -> None:
        await agents.start(work)
        controller.lease_seconds = 0.1
        await controller.dispatch(RUN)
        await work.started(RUN)
        controller.answers = False

        async with asyncio.timeout(2):
            said = (await last_words(outbox))[RUN]

        assert said.failure is not None
        assert said.failure.code == LeaseLost.__name__
        assert work.cut_short == [RUN]

    async def test_a_worker_that_is_ended_from_outside_leaves_nothing_running(
        self, agents: Agents, controller: ControllerDouble, outbox: Outbox, work: Work
    ) -> None:
        agent = await agents.start(work)
        await controller.dispatch(RUN)
        await work.started(RUN)
        agent.working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await agent.working

        assert work.cut_short == [RUN]
        assert (await last_words(outbox))[RUN].status is RunStatus.CANCELLED


async def test_an_agent_whose_broker_is_away_can_still_be_drained(outbox: Outbox, work: Work) -> None:
    """Waiting for the broker must not keep a stopping agent."""
    async with AmqpTransport("amqp://127.0.0.1:1/", name="away") as away:
        leases = Leases("one", SESSION, away, SystemClock())
        redactor = Redactor()
        reports = Reports("one", outbox, SystemClock(), redactor)
        worker = Worker(away, leases, Attempts(leases, work, reports.of, redactor), slots=1)
        working = asyncio.create_task(worker.run("site"))
        await asyncio.sleep(0.05)

        worker.drain()

        async with asyncio.timeout(2):
            await working
