"""The Halo target against a Halo that is slow, strict, busy, broken, and forgets to answer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from halo_agent.engine.changes import Applied, Create
from halo_agent.engine.records import Desired, Place, TargetRecord
from halo_agent.targets.halo import HaloTarget, Use, open_halo
from halo_agent.targets.halo.client import ATTEMPTS
from halo_sandbox.server import Sandbox, running
from halo_sandbox.settings import SandboxSettings
from halo_shared.entities import EntityKind
from halo_shared.errors import (
    AmbiguousMatch,
    ConfigurationError,
    CredentialRefused,
    LeaseLost,
    MappingInvalid,
    RateLimited,
    RecordRefused,
    TargetUnavailable,
    Unplaced,
)
from halo_shared.integrations import TenantKind
from tests.contract.target import applied
from tests.support.engine import Pass
from tests.unit.agent.targets.support import (
    SECRET,
    Ear,
    FastClock,
    HurriedClock,
    Levers,
    Slice,
    connection,
    halo,
    levers,
    machine,
    person,
    retire,
    update,
)

USERS, ASSETS = EntityKind.USERS, EntityKind.ASSETS


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as sandbox:
        yield sandbox


@pytest.fixture
async def hands(sandbox: Sandbox) -> AsyncIterator[Levers]:
    async with levers(sandbox) as hands:
        yield hands


@pytest.fixture
def clock() -> HurriedClock:
    return HurriedClock()


@pytest.fixture
async def target(sandbox: Sandbox, clock: HurriedClock) -> AsyncIterator[HaloTarget]:
    async with halo(sandbox, clock) as target:
        yield target


async def create(target: HaloTarget, wish: Desired) -> Applied:
    return await applied(target, Create(wish, reason="not in Halo yet"))


async def fill(hands: Levers, count: int) -> None:
    """That many users called Other 0, Other 1 ..., with azureoid o-0, o-1 ..."""
    sites = await hands.held("Site")
    row = {"site_id": sites[0]["id"]}
    await hands.plant("Users", [{**row, "name": f"Other {n}", "azureoid": f"o-{n}"} for n in range(count)])


async def found(target: HaloTarget, wishes: list[Desired], *match: str) -> dict[str, TargetRecord]:
    return {record.name: record async for record in target.candidates(wishes, match)}


async def fetched(target: HaloTarget, kind: EntityKind, id_: int) -> TargetRecord:
    (record,) = [record async for record in target.fetch(kind, [id_])]
    return record


# --- entering ---


async def test_opening_asks_nothing(sandbox: Sandbox, hands: Levers) -> None:
    async with halo(sandbox) as target:
        assert target.requests == 0

    assert await hands.counts() == {}


async def test_a_hosted_halo_is_entered_with_the_tenant_it_names(target: HaloTarget) -> None:
    steps = {step.stage: step.found async for step in target.check()}

    assert list(steps) == ["connect to Halo", "log in", "read the version", "list clients"]
    assert "for tenant 'sandbox'" in steps["connect to Halo"]
    assert "60 minutes" in steps["log in"]
    assert "sandbox" in steps["read the version"]
    assert steps["list clients"] == "1 of them"
    assert target.requests == 2


async def test_an_on_premise_halo_is_entered_without_a_tenant(clock: HurriedClock) -> None:
    async with (
        running(SandboxSettings(tenant=None)) as sandbox,
        levers(sandbox) as hands,
        open_halo(
            connection(sandbox.url, kind=TenantKind.ON_PREMISE),
            SECRET,
            clock=clock,
            budget=Slice(),
            permit=Pass(),
            tell=Ear(),
            use=Use(),
        ) as target,
    ):
        assert len([step async for step in target.check()]) == 4
        assert await hands.queries("/auth/token") == [""]


@pytest.mark.parametrize(
    ("client_id", "secret", "tenant"),
    [
        ("stranger", "sandbox-secret", None),
        ("halo-integrator", "wrong", None),
        ("halo-integrator", "sandbox-secret", "no"),
    ],
)
async def test_what_halo_does_not_know_is_refused_by_name(
    sandbox: Sandbox, clock: HurriedClock, client_id: str, secret: str, tenant: str | None
) -> None:
    there = connection(sandbox.url, client_id=client_id, tenant=tenant)
    async with open_halo(
        there, SecretStr(secret), clock=clock, budget=Slice(), permit=Pass(), tell=Ear(), use=Use()
    ) as target:
        with pytest.raises(CredentialRefused, match=f"'{client_id}'"):
            await create(target, person("a-1"))


async def test_revoked_tokens_are_renewed_once_for_all(target: HaloTarget, hands: Levers) -> None:
    ids = [(await create(target, person(f"a-{n}"))).halo_id for n in range(8)]
    await hands.revoke()
    await hands.forget()

    assert len([record async for record in target.fetch(USERS, ids)]) == 8
    assert (await hands.counts())["POST /auth/token"] == 1


# --- finding ---


async def test_a_list_of_several_pages_is_found_whole(target: HaloTarget, hands: Levers) -> None:
    await fill(hands, 215)
    await hands.forget()

    records = await found(target, [person(f"o-{n}", name=f"Other {n}") for n in range(215)])

    assert set(records) == {f"Other {n}" for n in range(215)}
    assert (await hands.counts())["GET /api/Users"] == 1 + 3


async def test_one_wish_among_many_records_is_asked_for(target: HaloTarget, hands: Levers) -> None:
    await fill(hands, 215)
    await hands.forget()

    records = await found(target, [person("o-7")])

    assert list(records) == ["Other 7"]
    assert (await hands.counts())["GET /api/Users"] == 2


async def test_where_halo_cannot_be_asked_all_is_listed(target: HaloTarget, hands: Levers) -> None:
    await fill(hands, 120)
    wish = replace(person("g-1"), identity=("third_party_guid", "g-1"))
    id_ = (await create(target, wish)).halo_id
    await hands.forget()

    # The sandbox takes no advanced search for this field.
    records = {record.id: record async for record in target.candidates([wish], ())}

    assert records[id_].fields["third_party_guid"] == "g-1"
    assert len(records) == 121
    assert not [path for path in await hands.counts() if path.startswith("GET /api/Users/")]


async def test_what_no_list_shows_is_read_record_by_record(target: HaloTarget, hands: Levers) -> None:
    await fill(hands, 20)
    await hands.forget()

    await found(target, [replace(person("g-1"), identity=("third_party_guid", "g-1"))])

    counts = await hands.counts()
    assert sum(count for path, count in counts.items() if path.startswith("GET /api/Users/")) == 20


async def test_own_fields_are_compared_without_reading_each_asset(target: HaloTarget, hands: Levers) -> None:
    wishes = [machine(str(n), f"PC-{n}", always={"fields.Serial Number": f"S{n}"}) for n in range(5)]
    for wish in wishes:
        await create(target, wish)
    await hands.forget()

    records = await found(target, wishes, "fields.Serial Number")

    assert records["PC-3"].fields["fields.Serial Number"] == "S3"
    assert not [path for path in await hands.counts() if path.startswith("GET /api/Asset/")]


# --- writing ---


async def test_a_user_is_created_where_it_belongs(target: HaloTarget, hands: Levers) -> None:
    done = await create(target, person("a-1", emailaddress="anna@acme.example"))
    (held,) = await hands.held("Users")

    assert done == Applied(held["id"])
    assert (held["name"], held["azureoid"], held["emailaddress"]) == ("Anna Berg", "a-1", "anna@acme.example")
    assert (held["client_name"], held["site_name"], held["inactive"]) == ("Acme", "Main", False)


async def test_an_asset_is_created_with_its_own_fields(target: HaloTarget) -> None:
    wish = machine("7", "PC-7", always={"fields.Serial Number": "S7"}, when_empty={"fields.Model": "X1"})
    record = await fetched(target, ASSETS, (await create(target, wish)).halo_id)

    assert record.name == "PC-7"
    assert record.fields["fields.Serial Number"] == "S7"
    assert record.fields["fields.Model"] == "X1"
    assert record.fields["assettype_name"] == "Workstation"


async def test_an_update_changes_what_it_names_and_nothing_else(target: HaloTarget) -> None:
    wish = machine("7", "PC-7", always={"fields.Serial Number": "S7", "fields.Model": "X1"})
    before = await fetched(target, ASSETS, (await create(target, wish)).halo_id)

    change = replace(update(wish, before), fields={"fields.Model": "X2", "notes": "moved"})
    assert await applied(target, change) == Applied(before.id)

    after = await fetched(target, ASSETS, before.id)
    changed = {name for name in after.fields if after.fields[name] != before.fields.get(name)}
    assert changed == {"fields.Model", "fields.52", "key_field2", "notes", "dlastupdate"}


async def test_a_field_can_be_cleared(target: HaloTarget) -> None:
    wish = person("a-1", title="Head")
    before = await fetched(target, USERS, (await create(target, wish)).halo_id)

    await applied(target, update(wish, before, title=""))

    assert (await fetched(target, USERS, before.id)).fields["title"] is None


async def test_a_record_is_retired_and_revived(target: HaloTarget) -> None:
    wish = person("a-1")
    id_ = (await create(target, wish)).halo_id

    await applied(target, retire(wish, id_))
    retired = await fetched(target, USERS, id_)
    assert not retired.active

    await applied(target, update(wish, retired, reactivate=True))
    assert (await fetched(target, USERS, id_)).active


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (Place("Akme", "Main"), "no client 'Akme'; near to it are: Acme"),
        (Place("Acme", "Mian"), "no site 'Mian'; near to it are: Main"),
    ],
)
async def test_an_unknown_place_is_named_with_what_comes_near(
    target: HaloTarget, place: Place, said: str
) -> None:
    with pytest.raises(Unplaced, match=said) as caught:
        await create(target, person("a-1", place=place))

    assert f"site '{place.site}' of client '{place.client}'" in caught.value.message


async def test_a_name_that_two_clients_have_is_not_guessed(target: HaloTarget, hands: Levers) -> None:
    await hands.plant("Client", [{"name": "ACME"}])

    with pytest.raises(Unplaced, match="more than one client 'Acme'"):
        await create(target, person("a-1"))


async def test_places_are_looked_up_once(target: HaloTarget, hands: Levers) -> None:
    await asyncio.gather(*(create(target, person(f"a-{n}", place=Place(" ACME ", "main"))) for n in range(5)))

    counts = await hands.counts()
    assert (counts["GET /api/Client"], counts["GET /api/Site"]) == (1, 1)


async def test_an_unknown_asset_type_is_named_with_what_comes_near(target: HaloTarget) -> None:
    with pytest.raises(MappingInvalid, match="'Workstatoin'; near to it are: Workstation"):
        await create(target, machine("7", "PC-7", type_="Workstatoin"))


async def test_an_unknown_own_field_is_named(target: HaloTarget) -> None:
    with pytest.raises(MappingInvalid, match=r"no field 'Colour' in Halo; it has .*Serial Number"):
        await create(target, machine("7", "PC-7", always={"fields.Colour": "red"}))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "needs a value in column 'uusername' of table 'USERS'"),
        ({"firstname": "x" * 201}, "value for column 'uFirstName' of table 'USERS' is too long"),
        ({"adconnection": "soon"}, "field 'adconnection': Could not convert string to integer: soon"),
    ],
)
async def test_a_record_that_halo_refuses_says_why(
    target: HaloTarget, hands: Levers, fields: dict[str, str], said: str
) -> None:
    wish = person("a-1")

    with pytest.raises(RecordRefused, match=said):
        await create(target, replace(wish, always={**wish.always, **fields}))

    assert await hands.held("Users") == []


async def test_a_refused_row_stays_the_only_one(target: HaloTarget, hands: Levers) -> None:
    await hands.fault("bad_row", path="/api/Users", row=1)

    with pytest.raises(RecordRefused, match="Row 1 was refused"):
        await create(target, person("a-1"))
    await create(target, person("a-2"))

    assert [row["azureoid"] for row in await hands.held("Users")] == ["a-2"]


async def test_updating_what_is_gone_is_refused(target: HaloTarget) -> None:
    ghost = TargetRecord(USERS, 4711, "Ghost", True, {})

    with pytest.raises(RecordRefused, match="no such record"):
        await applied(target, update(person("a-1"), ghost, title="Head"))


# --- faults ---


async def test_a_new_record_whose_answer_is_lost_is_found_and_not_doubled(
    target: HaloTarget, hands: Levers, clock: HurriedClock
) -> None:
    await hands.fault("drop", path="/api/Users", method="POST")

    done = await create(target, person("a-1"))

    (held,) = await hands.held("Users")
    assert done == Applied(held["id"], found=True)
    assert clock.slept[0] >= 1  # Halo may still have been storing it


async def test_an_answer_lost_among_many_records_is_found_as_well(target: HaloTarget, hands: Levers) -> None:
    await fill(hands, 215)
    await hands.fault("drop", path="/api/Users", method="POST")

    assert (await create(target, person("a-1"))).found
    assert len(await hands.held("Users")) == 216


async def test_a_new_asset_whose_answer_is_lost_is_found(target: HaloTarget, hands: Levers) -> None:
    await hands.fault("drop", path="/api/Asset", method="POST")

    assert (await create(target, machine("7", "PC-7"))).found
    assert len(await hands.held("Asset")) == 1


@pytest.mark.parametrize("fault", ["error", "html", "rate_limited"])
async def test_a_new_record_that_was_not_stored_is_sent_again(
    target: HaloTarget, hands: Levers, fault: str
) -> None:
    await hands.fault(fault, path="/api/Users", method="POST")

    assert not (await create(target, person("a-1"))).found
    assert len(await hands.held("Users")) == 1


async def test_a_record_that_halo_cannot_store_is_refused_after_three_tries(
    target: HaloTarget, hands: Levers
) -> None:
    await hands.fault("error", path="/api/Users", method="POST", times=100)

    with pytest.raises(RecordRefused, match="not take this record in 3 tries and does not have it"):
        await create(target, person("a-1"))

    assert (await hands.counts())["POST /api/Users"] == 3


async def test_a_halo_that_is_down_ends_the_run_after_ten_minutes_of_leaving_it_alone(
    sandbox: Sandbox, hands: Levers, clock: HurriedClock
) -> None:
    ear = Ear()
    async with halo(sandbox, clock, tell=ear) as target:
        await create(target, person("a-1"))
        await hands.fault("error", times=1_000, status=503)
        with pytest.raises(TargetUnavailable, match=r"not answered for 1\d minutes"):
            await create(target, person("a-2"))

    assert len(await hands.held("Users")) == 1
    assert (await hands.counts())["GET /api/InstanceInfo"] < 15
    assert len(ear.heard) == 1


async def test_a_halo_that_comes_back_is_gone_on_with(
    sandbox: Sandbox, hands: Levers, clock: HurriedClock
) -> None:
    ear = Ear()
    async with halo(sandbox, clock, tell=ear) as target:
        await create(target, person("a-1"))
        await hands.fault("error", times=8, status=503)
        await create(target, person("a-2"))

    assert len(await hands.held("Users")) == 2
    assert [text.split(" (")[0].split(" after")[0] for text in ear.heard] == [
        "Halo does not answer",
        "Halo answers again",
    ]


async def test_two_records_of_one_identity_are_not_guessed_between(target: HaloTarget, hands: Levers) -> None:
    await create(target, person("a-1"))
    await hands.fault("drop", path="/api/Users", method="POST")

    with pytest.raises(AmbiguousMatch, match="2 records with azureoid 'a-1'"):
        await create(target, person("a-1"))


async def test_an_update_whose_answer_is_lost_is_sent_again(target: HaloTarget, hands: Levers) -> None:
    wish = person("a-1")
    existing = await fetched(target, USERS, (await create(target, wish)).halo_id)
    await hands.fault("drop", path="/api/Users", method="POST", times=2)

    await applied(target, update(wish, existing, title="Head"))

    assert [row["title"] for row in await hands.held("Users")] == ["Head"]


@pytest.mark.parametrize("retry_after", [True, False])
async def test_a_storm_of_429_is_outwaited(
    target: HaloTarget, hands: Levers, clock: HurriedClock, retry_after: bool
) -> None:
    await hands.switches(retry_after=retry_after)
    await hands.fault("rate_limited", times=ATTEMPTS - 1, retry_after=20)

    await create(target, person("a-1"))

    assert len(await hands.held("Users")) == 1
    assert sum(clock.slept) >= (ATTEMPTS - 1) * (20 if retry_after else 5)


async def test_an_endless_storm_is_left_to_the_next_run(target: HaloTarget, hands: Levers) -> None:
    await hands.fault("rate_limited", times=100)

    with pytest.raises(RateLimited, match="Rate Limit Reached"):
        await create(target, person("a-1"))


@pytest.mark.parametrize("fault", ["error", "html", "drop"])
async def test_reading_survives_what_passes(target: HaloTarget, hands: Levers, fault: str) -> None:
    id_ = (await create(target, person("a-1"))).halo_id
    await hands.fault(fault, times=3)

    assert (await fetched(target, USERS, id_)).name == "Anna Berg"


async def test_a_record_that_a_slow_halo_did_not_confirm_is_there_once(
    sandbox: Sandbox, hands: Levers
) -> None:
    async with halo(sandbox, FastClock(), use=Use(answer_within=0.5)) as target:
        await create(target, person("a-1"))
        await hands.fault("slow", path="/api/Users", method="POST", seconds=1)
        done = await create(target, person("a-2"))

    held = {row["azureoid"]: row["id"] for row in await hands.held("Users")}
    assert held["a-2"] == done.halo_id
    assert len(await hands.held("Users")) == 2


async def test_a_halo_that_is_not_there_is_unavailable(clock: HurriedClock) -> None:
    there = connection("http://127.0.0.1:9")
    async with open_halo(
        there, SECRET, clock=clock, budget=Slice(), permit=Pass(), tell=Ear(), use=Use()
    ) as target:
        with pytest.raises(TargetUnavailable, match="cannot be reached at 127"):
            await create(target, person("a-1"))


async def test_an_address_without_halo_behind_it_fails_the_check(
    sandbox: Sandbox, clock: HurriedClock
) -> None:
    there = connection(f"{sandbox.url}/nowhere")
    async with open_halo(
        there, SECRET, clock=clock, budget=Slice(), permit=Pass(), tell=Ear(), use=Use()
    ) as target:
        with pytest.raises(ConfigurationError, match="gives no tokens at"):
            [step async for step in target.check()]


class UntilItWaits(Pass):
    """A lease that ends as soon as somebody has to wait."""

    def __init__(self, clock: HurriedClock) -> None:
        self._clock = clock

    def check(self) -> None:
        if self._clock.slept:
            raise LeaseLost


async def test_a_write_is_not_repeated_once_the_lease_has_ended(
    sandbox: Sandbox, clock: HurriedClock, hands: Levers
) -> None:
    async with halo(sandbox, clock, permit=UntilItWaits(clock)) as target:
        await hands.fault("rate_limited", "/api/Users", times=100, method="POST")
        with pytest.raises(LeaseLost):
            await create(target, person("a-1"))

    assert (await hands.counts())["POST /api/Users"] == 1
