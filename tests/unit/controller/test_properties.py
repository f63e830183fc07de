"""Whatever agents, persons and time do to a run, and in which order: these promises stand."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final
from uuid import UUID, uuid4

from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st
from sqlalchemy import select

from halo_controller import steering
from halo_controller.nouns import Run
from halo_controller.store import integrations, runs, tables
from halo_shared.messages.commands import Command, LeaseGranted, LeasesRenewed
from halo_shared.messages.events import FinalStatus, Finished
from halo_shared.messages.requests import HeldLease
from halo_shared.runs import RunStatus
from tests.support.builders import REF, excess, finished, heartbeat, hello, integration_spec, lease_request
from tests.support.clock import ManualClock
from tests.unit.controller.centre import Centre, a_centre

AGENTS: Final = ("one", "two")


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


class World:
    """Two agents that compete for the runs of one integration."""

    def __init__(self, centre: Centre) -> None:
        self.centre = centre
        self.clock = centre.clock
        self.processes = {name: Process() for name in AGENTS}
        self.runs: Sequence[Run] = ()
        self.under_way: Sequence[int] = ()
        """The fences of all attempts that have not ended."""
        self.granted: list[tuple[str, LeaseGranted]] = []
        """Every lease that was ever granted anew, and to whom."""
        self.said: list[Finished] = []
        self.ends: dict[str, Run] = {}
        """Every run that was seen to have ended, as it was then."""

    async def time_passes(self, seconds: int, seen: bool) -> None:
        """The reconciler may look a moment too late for what else happens."""
        self.clock.move(seconds)
        if seen:
            await self.centre.reconciler.tick()

    # what agents do

    async def says_hello(self, name: str) -> None:
        process = self.processes[name]
        self.hear(name, await self.centre.ask(hello(name, process.session, held=process.held)))

    async def beats(self, name: str) -> None:
        process = self.processes[name]
        self.hear(name, await self.centre.ask(heartbeat(name, process.session, held=process.held)))

    async def restarts(self, name: str, says_so: bool) -> None:
        self.processes[name] = Process()
        if says_so:
            await self.says_hello(name)

    async def takes_the_job(self, name: str) -> None:
        if not self.still_open:
            await self.centre.open()
            await self.look()
        await self.ask_for_the_lease(name, self.still_open[0])

    async def takes_over(self, name: str) -> None:
        """The lease lapses, the reconciler sees it, and this agent is the first to ask."""
        await self.time_passes(46, seen=True)
        await self.takes_the_job(name)

    async def takes_the_copy_of_an_old_job(self, name: str, which: int) -> None:
        if self.runs:
            await self.ask_for_the_lease(name, self.runs[which % len(self.runs)])

    async def ends_an_attempt(self, status: FinalStatus, back: int) -> None:
        """The latest, or one that was lost and does not know it; only the end of the one under way counts."""
        if len(self.granted) < back:
            return
        name, grant = self.granted[-back]
        before = await self.centre.run(grant.run)
        held_for = (excess(),) if status is RunStatus.HELD else ()
        as_it_knows = before.model_copy(update={"agent": name, "fence": grant.fence})
        self.said.append(finished(as_it_knows, status, held_for=held_for))
        if self.processes[name].leases.get(before.id, (0, None))[0] == grant.fence:
            del self.processes[name].leases[before.id]

        await self.centre.inbox.take(self.said[-1])

        after = await self.centre.run(grant.run)
        if before.status is RunStatus.RUNNING and before.fence == grant.fence:
            # A plan that is held of a run whose end was asked for waits for nobody.
            unwanted = status is RunStatus.HELD and before.cancel_reason is not None
            assert after.status is (RunStatus.CANCELLED if unwanted else status)
        else:
            assert after == before

    async def an_end_is_delivered_again(self, which: int) -> None:
        if self.said:
            await self.centre.inbox.take(self.said[which % len(self.said)])
            before = self.runs
            await self.look()
            assert self.runs == before

    # what persons do

    async def cancels(self) -> None:
        async with self.centre.database.write() as db:
            for run in await runs.still_open(db):
                await steering.cancel(db, run, "not wanted", self.clock.now())

    async def approves(self) -> None:
        async with self.centre.database.write() as db:
            for run in await runs.still_open(db):
                if run.status is RunStatus.HELD:
                    await steering.approve(db, run, None, "Ann", self.clock.now())

    async def changes_the_definition(self) -> None:
        async with self.centre.database.write() as db:
            spec = (await integrations.get(db, REF)).spec
            await integrations.change(db, REF, spec, self.clock.now())

    # what always holds

    async def check(self) -> None:
        await self.look()
        self.at_most_one_agent_may_write()
        self.fences_strictly_grow()
        self.a_run_has_one_end()
        self.what_a_run_has_fits_its_status()

    def at_most_one_agent_may_write(self) -> None:
        writing = [
            (name, run)
            for name, process in self.processes.items()
            for run, (_, until) in process.leases.items()
            if self.clock.now() <= until
        ]
        assert len(writing) <= 1, writing

    def fences_strictly_grow(self) -> None:
        fences = [grant.fence for _, grant in self.granted]
        assert fences == sorted(set(fences))

    def a_run_has_one_end(self) -> None:
        for run in self.runs:
            if run.status.ended:
                assert self.ends.setdefault(run.id, run) == run

    def what_a_run_has_fits_its_status(self) -> None:
        for run in self.runs:
            assert (run.ended_at is not None) is run.status.ended
            assert (run.lease_until is not None) is (run.status is RunStatus.RUNNING)
        assert self.under_way == [run.fence for run in self.runs if run.status is RunStatus.RUNNING]

    # words of this test

    async def look(self) -> None:
        async with self.centre.database.read() as db:
            self.runs = await runs.every(db)
            attempts = select(tables.attempts.c.fence).where(tables.attempts.c.ended_at.is_(None))
            self.under_way = (await db.scalars(attempts)).all()

    async def ask_for_the_lease(self, name: str, run: Run) -> None:
        for command in await self.centre.ask(lease_request(run.id, name, self.processes[name].session)):
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


PAUSES: Final = (1, 44, 46, 46, 301, 3601)
"""Seconds within a lease, past it, past the time in which a job must be taken, past the deadline."""
ENDS: Final[tuple[FinalStatus, ...]] = (
    RunStatus.SUCCEEDED,
    RunStatus.PARTIAL,
    RunStatus.FAILED,
    RunStatus.CANCELLED,
    RunStatus.HELD,
)
ANY: Final = range(10)
EITHER: Final = (True, False)
MOVES: Final[Sequence[tuple[int, Callable[..., Awaitable[None]], tuple[Sequence[object], ...]]]] = (
    (6, World.takes_the_job, (AGENTS,)),
    (6, World.time_passes, (PAUSES, EITHER)),
    (4, World.ends_an_attempt, (ENDS, (1, 1, 2, 3))),
    (3, World.takes_over, (AGENTS,)),
    (3, World.beats, (AGENTS,)),
    (2, World.restarts, (AGENTS, EITHER)),
    (1, World.says_hello, (AGENTS,)),
    (1, World.takes_the_copy_of_an_old_job, (AGENTS, ANY)),
    (1, World.an_end_is_delivered_again, (ANY,)),
    (1, World.approves, ()),
    (1, World.cancels, ()),
    (1, World.changes_the_definition, ()),
)
"""How often, what, and the choices for each of its arguments."""


async def play(chance: Random) -> None:
    with TemporaryDirectory() as folder:
        async with a_centre(Path(folder) / "controller.db", ManualClock()) as centre:
            await centre.set_up(*AGENTS, spec=integration_spec(deadline=timedelta(hours=1)))
            world = World(centre)
            for name in AGENTS:
                await world.says_hello(name)
            for _, move, choices in chance.choices(MOVES, [often for often, _, _ in MOVES], k=40):
                arguments = [chance.choice(several) for several in choices]
                note(f"{move.__name__} {arguments}")
                await move(world, *arguments)
                await world.check()


# True randomness: stories of many moves that differ in each, and not one and its neighbours. Nothing can be shrunk.
@settings(max_examples=15, deadline=None, phases=set(Phase) - {Phase.shrink})
@given(chance=st.randoms(use_true_random=True))
def test_in_any_order(chance: Random) -> None:
    asyncio.run(play(chance))
