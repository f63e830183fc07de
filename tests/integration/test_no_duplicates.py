"""No duplicates, ever: each fault of Halo, each answer to an array, one record and many, and an agent that dies between."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from anyio.from_thread import start_blocking_portal

from halo_agent.engine.changes import Answer, Applied, Change, Create
from halo_agent.engine.records import Desired
from halo_agent.targets.halo import HaloTarget, Use
from halo_agent.targets.halo.arrays import Habit
from halo_agent.targets.halo.instance import Forgetful
from halo_sandbox.server import Sandbox, running
from halo_shared.entities import EntityKind
from halo_shared.errors import RecordError, TransientError
from tests.support.clock import eventually
from tests.support.http import client_of
from tests.unit.agent.targets.support import (
    Ear,
    FastClock,
    HurriedClock,
    Levers,
    halo,
    levers,
    person,
    update,
)

MULTI = ("list", "first", "one", "all_or_nothing", "per_row")
FAULTS = ("none", "drop", "cut", "late", "error", "gateway", "html", "rate_limited", "bad_row")
MANY = 7


@pytest.fixture(scope="module")
def clock() -> FastClock:
    return FastClock()


@pytest.fixture(scope="module")
def listening(clock: FastClock) -> Iterator[Sandbox]:
    """One sandbox for all tests, on a loop of its own."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(running(clock=clock)) as started,
    ):
        yield started


@pytest.fixture
async def sandbox(listening: Sandbox) -> Sandbox:
    """The sandbox as it was when it started."""
    async with client_of(listening.url) as http:
        (await http.post("/sandbox/reset")).raise_for_status()
    return listening


@pytest.fixture
async def hands(sandbox: Sandbox) -> AsyncIterator[Levers]:
    async with levers(sandbox) as hands:
        yield hands


class Believes(Forgetful):
    """A memory in which every array was answered with a row for each, whatever is true now."""

    async def recall(self, instance: str) -> dict[str, str]:
        kinds = ("clients", "sites", "users", "assets", "Agent")
        return {f"array of {age} {kind}": Habit.EACH for age in ("new", "changed") for kind in kinds}


def wishes(count: int = MANY) -> list[Desired]:
    return [person(f"a-{number}", name=f"Person {number}") for number in range(count)]


def creations(wanted: Sequence[Desired]) -> list[Change]:
    return [Create(wish, reason="not in Halo yet") for wish in wanted]


async def answers(target: HaloTarget, changes: Sequence[Change]) -> dict[str, Answer]:
    return {change.source_id: answer async for change, answer in target.apply(changes)}


async def spoil(hands: Levers, fault: str) -> None:
    at = {"path": "/api/Users", "method": "POST"}
    match fault:
        case "none":
            return
        case "gateway":
            await hands.fault("error", status=504, **at)
        case "late":
            await hands.fault("late", seconds=5, **at)
        case "bad_row":
            await hands.fault("bad_row", row=2, **at)
        case _:
            await hands.fault(fault, **at)


async def prove(target: HaloTarget) -> None:
    """Make one record that shows that Halo keeps identities: before that, none travel together."""
    await answers(target, creations([person("first", name="First")]))


async def nobody_twice(hands: Levers, applied: dict[str, Answer]) -> None:
    """Every record is there once at most, and what was said of each is true."""
    held = await hands.held("Users")
    counted = Counter(row["azureoid"] for row in held)
    assert set(counted.values()) <= {1}, counted
    ids = {row["azureoid"]: row["id"] for row in held}
    for source_id, answer in applied.items():
        if isinstance(answer, Applied):
            assert ids[source_id] == answer.halo_id


@pytest.mark.parametrize("memory", [Forgetful(), Believes()], ids=["on trial", "believed"])
@pytest.mark.parametrize("multi", MULTI)
@pytest.mark.parametrize("fault", FAULTS)
async def test_new_records(
    sandbox: Sandbox, hands: Levers, clock: FastClock, fault: str, multi: str, memory: Forgetful
) -> None:
    async with halo(sandbox, clock, use=Use("people", memory=memory)) as target:
        await prove(target)
        await hands.switches(multi=multi)
        await spoil(hands, fault)
        done = await answers(target, creations(wishes()))

    await nobody_twice(hands, done)
    refused = [source_id for source_id, answer in done.items() if not isinstance(answer, Applied)]
    # Only a Halo that answers for each row says so of one; of the others' rows each is sent by itself.
    assert refused == (["a-1"] if (fault, multi) == ("bad_row", "per_row") else [])
    assert len(await hands.held("Users")) == 1 + MANY - len(refused)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "bad_row"])
async def test_one_new_record(sandbox: Sandbox, hands: Levers, clock: FastClock, fault: str) -> None:
    await spoil(hands, fault)

    async with halo(sandbox, clock) as target:
        done = await answers(target, creations(wishes(1)))

    await nobody_twice(hands, done)
    assert all(isinstance(answer, Applied) for answer in done.values()), done
    assert len(await hands.held("Users")) == 1


@pytest.mark.parametrize("memory", [Forgetful(), Believes()], ids=["on trial", "believed"])
@pytest.mark.parametrize("multi", MULTI)
@pytest.mark.parametrize("fault", FAULTS)
async def test_changed_records(
    sandbox: Sandbox, hands: Levers, clock: FastClock, fault: str, multi: str, memory: Forgetful
) -> None:
    async with halo(sandbox, clock, use=Use("people", memory=memory)) as target:
        made = await answers(target, creations(wishes()))
        ids = [answer.halo_id for answer in made.values() if isinstance(answer, Applied)]
        held = {str(one.fields["azureoid"]): one async for one in target.fetch(EntityKind.USERS, ids)}
        await hands.switches(multi=multi)
        await spoil(hands, fault)
        changes = [update(wish, held[wish.source_id], title=f"Head {wish.source_id}") for wish in wishes()]
        done = await answers(target, changes)

    refused = [source_id for source_id, answer in done.items() if not isinstance(answer, Applied)]
    assert refused == (["a-1"] if (fault, multi) == ("bad_row", "per_row") else [])
    titles = {row["azureoid"]: row.get("title") for row in await hands.held("Users")}
    assert titles == {f"a-{n}": None if f"a-{n}" in refused else f"Head a-{n}" for n in range(MANY)}


@pytest.mark.parametrize("multi", MULTI)
async def test_a_record_that_halo_refuses_takes_no_other_with_it(
    sandbox: Sandbox, hands: Levers, clock: FastClock, multi: str
) -> None:
    await hands.switches(multi=multi)
    wanted = wishes()
    wanted[3] = replace(wanted[3], always={"name": "Long", "firstname": "x" * 300})

    async with halo(sandbox, clock, use=Use("people", memory=Believes())) as target:
        await prove(target)
        done = await answers(target, creations(wanted))

    await nobody_twice(hands, done)
    assert [source_id for source_id, answer in done.items() if isinstance(answer, RecordError)] == ["a-3"]
    assert len(await hands.held("Users")) == MANY


@pytest.mark.parametrize("fault", ["drop", "late", "cut", "none"])
@pytest.mark.parametrize("count", [1, MANY])
async def test_an_agent_that_dies_between_storing_and_linking_finds_them_again(
    sandbox: Sandbox, hands: Levers, clock: FastClock, fault: str, count: int
) -> None:
    wanted = wishes(count)

    async with halo(sandbox, clock, use=Use("people", memory=Believes())) as target:
        await prove(target)
        await spoil(hands, fault)
        await hands.forget()

        async def posted() -> bool:
            return "POST /api/Users" in await hands.counts()

        dying = asyncio.create_task(answers(target, creations(wanted)))
        await eventually(posted)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
    await clock.sleep(60)  # nobody takes over a run in less

    async with halo(sandbox, clock, use=Use("people")) as target:
        # As the engine does: what has no link is matched before it is created.
        found = {str(one.fields["azureoid"]) async for one in target.candidates(wanted, ())}
        done = await answers(target, creations([wish for wish in wanted if wish.source_id not in found]))

    await nobody_twice(hands, done)
    assert len(await hands.held("Users")) == 1 + count


async def test_a_halo_that_goes_away_in_the_middle_leaves_no_record_twice(
    sandbox: Sandbox, hands: Levers
) -> None:
    clock = HurriedClock()
    ear = Ear()
    async with halo(sandbox, clock, tell=ear, use=Use("people", memory=Believes())) as target:
        await answers(target, creations(wishes(1)))
        await hands.fault("drop", path="/api/Users", method="POST")
        await hands.fault("error", status=503, times=10_000)
        with pytest.raises(TransientError):
            await answers(target, creations(wishes()[1:]))

    assert len(await hands.held("Users")) == 1 + 5  # the array that was stored before


@asynccontextmanager
async def learning(sandbox: Sandbox, memory: Forgetful, ear: Ear) -> AsyncIterator[HaloTarget]:
    async with halo(sandbox, HurriedClock(), tell=ear, use=Use("people", memory=memory)) as target:
        yield target


class Remembers(Forgetful):
    """A memory in a dict."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    async def recall(self, instance: str) -> dict[str, str]:
        return {topic: lesson for (where, topic), lesson in self.kept.items() if where == instance}

    async def keep(self, instance: str, topic: str, lesson: str) -> None:
        self.kept[instance, topic] = lesson


@pytest.mark.parametrize(
    ("multi", "habit", "requests"),
    [
        ("list", Habit.EACH, 3),
        ("per_row", Habit.EACH, 3),
        ("all_or_nothing", Habit.EACH, 3),
        ("first", Habit.OTHER, 15),
        ("one", Habit.OTHER, 15),
    ],
)
async def test_the_trial_is_made_once_with_records_that_were_to_be_written_anyway(
    sandbox: Sandbox, hands: Levers, multi: str, habit: Habit, requests: int
) -> None:
    await hands.switches(multi=multi)
    memory, ear = Remembers(), Ear()

    async with learning(sandbox, memory, ear) as target:
        await answers(target, creations(wishes(MANY)))
    assert [lesson for (_, topic), lesson in memory.kept.items() if topic == "array of new users"] == [habit]
    assert len(ear.heard) == 1
    await hands.forget()
    async with learning(sandbox, memory, ear) as target:
        await answers(target, creations(wishes(MANY + 15)[MANY:]))

    assert len(await hands.held("Users")) == MANY + 15
    assert len(ear.heard) == 1
    counts = await hands.counts()
    assert counts["GET /api/InstanceInfo"] == 1
    assert "GET /api/swagger/v2/swagger.json" not in counts
    assert counts["POST /api/Users"] == requests


async def test_after_an_upgrade_of_halo_it_is_found_out_anew(sandbox: Sandbox, hands: Levers) -> None:
    memory, ear = Remembers(), Ear()
    async with learning(sandbox, memory, ear) as target:
        await answers(target, creations(wishes(3)))
    await hands.switches(multi="one", version="2.300")

    async with learning(sandbox, memory, ear) as target:
        await answers(target, creations(wishes(7)[3:]))

    assert [text.split(" (")[0] for text in ear.heard[1:]] == [
        "Halo does not answer an array of new users with a row for each"
    ]
    assert len(await hands.held("Users")) == 7


async def test_looking_through_a_list_that_others_make_longer_finds_what_is_there(
    sandbox: Sandbox, hands: Levers, clock: FastClock
) -> None:
    await hands.switches(multi="first")
    # No search of the sandbox takes this field, so that all is listed, on several pages.
    wanted = [replace(wish, identity=("third_party_guid", wish.source_id)) for wish in wishes(240)]

    async with halo(sandbox, clock, use=Use("people", memory=Believes())) as target:
        shares = [creations(wanted[start : start + 30]) for start in range(0, 240, 30)]
        done = [
            answer
            for one in await asyncio.gather(*(answers(target, share) for share in shares))
            for answer in one.values()
        ]

    assert all(isinstance(answer, Applied) for answer in done)
    assert len({row["third_party_guid"] for row in await hands.held("Users")}) == 240
    assert len(await hands.held("Users")) == 240
