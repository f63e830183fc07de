"""Whatever agents, persons and time do to a run, and in which order: these promises stand."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from halo_controller import steering
from halo_controller.nouns import Attempt, Run
from halo_controller.store import integrations, runs
from halo_shared.messages.commands import Command, LeaseGranted, LeasesRenewed
from halo_shared.messages.events import FinalStatus, Finished
from halo_shared.messages.requests import HeldLease
from halo_shared.runs import RunStatus
from tests.support.builders import REF, excess, finished, heartbeat, hello, integration_spec, lease_request
from tests.support.clock import ManualClock
from tests.unit.controller.centre import a_centre

T = TypeVar("T")

AGENTS: Final = ("one", "two")
NAMES: Final = st.sampled_from(AGENTS)
PAUSES: Final = st.sampled_from([1, 10, 44, 46, 301, 3601])
ENDS: Final[st.SearchStrategy[FinalStatus]] = st.sampled_from(
    [RunStatus.SUCCEEDED, RunStatus.PARTIAL, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.HELD]
)


@dataclass(slots=True)
class Process:
    """An agent's process, and how long it believes it may write to which run under which fence."""

    session: UUID = field(default_factory=uuid4)
    leases: dict[str, tuple[int, datetime]] = field(default_factory=dict)

    @property
    def held(self) -> list[HeldLease]:
        """What it says in a hello or heartbeat."""
        return [HeldLease(run=run, fence=fence) for run, (fence, _) in self.leases.items()]

    def hears(self, command: Command, now: datetime) -> None:
        """Believe what an agent would, as `halo_agent.leases` does."""
        match command:
            case LeaseGranted():
                self.leases[command.run] = (command.fence, now + timedelta(seconds=command.lease_seconds))
            case LeasesRenewed(session=self.session):
                for one in command.renewed:
                    if one.run in self.leases and self.leases[one.run][0] == one.fence:
                        self.leases[one.run] = (one.fence, now + timedelta(seconds=one.lease_seconds))
                for run in command.revoked:
                    self.leases.pop(run, None)
            case _:
                pass


class AnyOrder(RuleBasedStateMachine):
    """Two agents that compete for the runs of one integration."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.clock = ManualClock()
        self.processes = {name: Process() for name in AGENTS}
        self.runs: Sequence[Run] = ()
        self.attempts: dict[str, Sequence[Attempt]] = {}
        self.granted: list[tuple[str, LeaseGranted]] = []
        """Every lease that was ever granted anew, and to whom."""
        self.said: list[Finished] = []
        self.ends: dict[str, Run] = {}
        """Every run that was seen to have ended, as it was then."""

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    @initialize()
    def start(self) -> None:
        folder = self.stack.enter_context(TemporaryDirectory())
        centre = a_centre(Path(folder) / "controller.db", self.clock)
        self.centre = self.runner.run(self.stack.enter_async_context(centre))
        self.do(self.centre.set_up(*AGENTS, spec=integration_spec(deadline=timedelta(hours=1))))
        for name in AGENTS:
            self.says_hello(name)

    @rule(seconds=PAUSES, seen=st.booleans())
    def time_passes(self, seconds: int, seen: bool) -> None:
        """The reconciler may look a moment too late for what else happens."""
        self.clock.move(seconds)
        if seen:
            self.do(self.centre.reconciler.tick())

    # what agents do

    @rule(name=NAMES)
    def says_hello(self, name: str) -> None:
        process = self.processes[name]
        self.hear(name, self.do(self.centre.ask(hello(name, process.session, held=process.held))))

    @rule(name=NAMES)
    def beats(self, name: str) -> None:
        process = self.processes[name]
        self.hear(name, self.do(self.centre.ask(heartbeat(name, process.session, held=process.held))))

    @rule(name=NAMES, says_so=st.booleans())
    def restarts(self, name: str, says_so: bool) -> None:
        self.processes[name] = Process()
        if says_so:
            self.says_hello(name)

    @rule(name=NAMES)
    def takes_the_job(self, name: str) -> None:
        if not self.still_open:
            self.do(self.centre.open())
        self.ask_for_the_lease(name, self.still_open[0])

    @precondition(lambda self: self.runs)
    @rule(name=NAMES, data=st.data())
    def takes_the_copy_of_a_job(self, name: str, data: st.DataObject) -> None:
        self.ask_for_the_lease(name, data.draw(st.sampled_from(self.runs)))

    @precondition(lambda self: self.granted)
    @rule(status=ENDS, data=st.data())
    def ends_an_attempt(self, status: FinalStatus, data: st.DataObject) -> None:
        """The latest, or one that was lost and does not know it; only the end of the latest counts."""
        name, grant = data.draw(st.sampled_from(self.granted[-3:]))
        before = next(run for run in self.runs if run.id == grant.run)
        self.said.append(
            finished(
                before,
                status,
                fence=grant.fence,
                held_for=(excess(),) if status is RunStatus.HELD else (),
            )
        )
        if self.processes[name].leases.get(before.id, (0, None))[0] == grant.fence:
            del self.processes[name].leases[before.id]
        counts = before.status is RunStatus.RUNNING and before.fence == grant.fence

        self.do(self.centre.inbox.take(self.said[-1]))

        after = next(run for run in self.runs if run.id == grant.run)
        assert after.status is (status if counts else before.status)
        assert counts or after == before

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def an_end_is_delivered_again(self, data: st.DataObject) -> None:
        before = self.runs
        self.do(self.centre.inbox.take(data.draw(st.sampled_from(self.said))))
        assert self.runs == before

    # what persons do

    @precondition(lambda self: self.still_open)
    @rule()
    def cancels(self) -> None:
        self.do(self._cancel())

    async def _cancel(self) -> None:
        async with self.centre.database.write() as db:
            for run in await runs.still_open(db):
                await steering.cancel(db, run, "not wanted", self.clock.now())

    @precondition(lambda self: any(run.status is RunStatus.HELD for run in self.still_open))
    @rule()
    def approves(self) -> None:
        self.do(self._approve())

    async def _approve(self) -> None:
        async with self.centre.database.write() as db:
            for run in await runs.still_open(db):
                await steering.approve(db, run, None, "Ann", self.clock.now())

    @rule()
    def changes_the_definition(self) -> None:
        self.do(self._change())

    async def _change(self) -> None:
        async with self.centre.database.write() as db:
            spec = (await integrations.get(db, REF)).spec
            await integrations.change(db, REF, spec, self.clock.now())

    # what always holds

    @invariant()
    def at_most_one_agent_may_write(self) -> None:
        now = self.clock.now()
        writing = [
            (name, run)
            for name, process in self.processes.items()
            for run, (_, until) in process.leases.items()
            if now <= until
        ]
        assert len(writing) <= 1, writing

    @invariant()
    def fences_strictly_grow(self) -> None:
        fences = [grant.fence for _, grant in self.granted]
        assert fences == sorted(set(fences))

    @invariant()
    def a_run_has_one_end(self) -> None:
        for run in self.runs:
            if run.status.ended:
                assert self.ends.setdefault(run.id, run) == run

    @invariant()
    def what_a_run_has_fits_its_status(self) -> None:
        for run in self.runs:
            running = run.status is RunStatus.RUNNING
            assert (run.ended_at is not None) is run.status.ended
            assert (run.lease_until is not None) is running
            under_way = [one for one in self.attempts[run.id] if one.ended_at is None]
            assert [one.fence for one in under_way] == ([run.fence] if running else [])

    # words of this test

    def do(self, work: Coroutine[Any, Any, T]) -> T:  # Any: what a coroutine exchanges with the loop
        return self.runner.run(self._do_and_look(work))

    async def _do_and_look(self, work: Coroutine[Any, Any, T]) -> T:
        result = await work
        async with self.centre.database.read() as db:
            self.runs = await runs.every(db)
            self.attempts = {run.id: await runs.attempts_of(db, run.id) for run in self.runs}
        return result

    def ask_for_the_lease(self, name: str, run: Run) -> None:
        for command in self.do(self.centre.ask(lease_request(run.id, name, self.processes[name].session))):
            self.hear(name, [command])
            if isinstance(command, LeaseGranted) and not self.is_known(command):
                self.granted.append((name, command))

    def is_known(self, grant: LeaseGranted) -> bool:
        """Whether it is only repeated, because its first answer may have been lost."""
        return any((grant.run, grant.attempt) == (known.run, known.attempt) for _, known in self.granted)

    def hear(self, name: str, commands: Iterable[Command]) -> None:
        for command in commands:
            self.processes[name].hears(command, self.clock.now())

    @property
    def still_open(self) -> list[Run]:
        return [run for run in self.runs if not run.status.ended]


AnyOrder.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnyOrder = AnyOrder.TestCase
