"""What is read from a real domain: attributes, groups, limits, faults, and the way to look through it."""

from typing import Any

import pytest

from halo_agent.connectors import Branch, BrowsableSource
from halo_agent.engine.ports import Wanted
from halo_agent.engine.records import Finished, Reference, Role, SourceRecord
from halo_sandbox.services import domain_ldif
from halo_sandbox.services.domain_controller import PrivateDomain
from halo_sandbox.services.people import people
from halo_shared.entities import EntityKind
from halo_shared.errors import SettingsInvalid, SourceUnavailable
from halo_shared.runs import Mode
from tests.contract.source import ids, read
from tests.support.active_directory import guid_of, guids, opened_source, settings_of
from tests.support.active_directory_limits import BUSY, limited

USERS, TECHNICIANS, ASSETS = EntityKind.USERS, EntityKind.TECHNICIANS, EntityKind.ASSETS
EVERYBODY = people(300)


async def found(
    domain: PrivateDomain, *attributes: str, kind: EntityKind = USERS, **changes: Any
) -> dict[str, SourceRecord]:
    """The records of a full read by id."""
    async with opened_source(domain, settings_of(domain, **changes)) as source:
        items = [item async for item in source.read(Wanted(kind, attributes=frozenset(attributes)))]
    return {item.id: item for item in items if isinstance(item, SourceRecord)}


async def test_a_person_comes_with_what_the_mapping_wants_and_no_more(domain: PrivateDomain) -> None:
    person = EVERYBODY[12]
    records = await found(domain, "MAIL", "ouPath", "locked", "accountExpiresOn", "groups")
    record = records[guid_of(domain, domain_ldif.person_dn(person))]

    assert record.name == person.cn
    assert record.attributes == {
        "MAIL": person.mail,
        "ouPath": f"Company/People/{person.department}",
        "locked": False,
        "accountExpiresOn": None,
        "groups": ("Domain Users", "Users", "all-staff", f"dept {person.department}"),
    }


async def test_a_manager_is_referred_to_by_identity(domain: PrivateDomain) -> None:
    chief, head = EVERYBODY[0], EVERYBODY[1]
    records = await found(domain)

    (reference,) = records[guid_of(domain, domain_ldif.person_dn(head))].references

    assert reference == Reference(Role.MANAGER, USERS, guid_of(domain, domain_ldif.person_dn(chief)))


async def test_disabled_accounts_are_out_of_use(domain: PrivateDomain) -> None:
    records = await found(domain, "disabled", "employeeID")
    off = {record.attributes["employeeID"] for record in records.values() if not record.active}

    assert off == {person.employee_number for person in EVERYBODY if person.disabled}
    assert all(record.attributes["disabled"] is not record.active for record in records.values())


async def test_roles_come_from_groups(domain: PrivateDomain) -> None:
    department = EVERYBODY[1].department
    roles = [
        {"group": guid_of(domain, domain_ldif.group_dn(f"dept {department}")), "role": "Special"},
        {"group": guid_of(domain, domain_ldif.group_dn(domain_ldif.EVERYBODY)), "role": "Staff"},
    ]
    records = await found(domain, "role", "department", roles=roles)

    assert {
        record.attributes["role"]
        for record in records.values()
        if record.attributes.get("department") == department
    } == {"Special"}
    assert sum(record.attributes["role"] == "Staff" for record in records.values()) > 100


async def test_technicians_are_whom_a_rule_says(domain: PrivateDomain) -> None:
    unit = domain_ldif.unit_dn("IT Services")
    records = await found(
        domain, kind=TECHNICIANS, scope=[{"kind": "technicians", "ou": guid_of(domain, unit)}]
    )

    assert len(records) == sum(person.department == "IT Services" for person in EVERYBODY)
    assert {record.kind for record in records.values()} == {TECHNICIANS}
    with pytest.raises(SettingsInvalid, match="kind: technicians"):
        await found(domain, kind=TECHNICIANS)


async def test_computers_come_with_their_system(domain: PrivateDomain) -> None:
    records = await found(domain, "cn", "operatingSystem", kind=ASSETS)

    assert len(records) == 31
    assert next(r for r in records.values() if r.name == "WS00002").attributes == {
        "cn": "WS00002",
        "operatingSystem": "Windows Server 2022 Standard",
    }


async def test_a_controller_that_hands_out_less_at_a_time_is_read_whole(domain: PrivateDomain) -> None:
    group = domain_ldif.group_dn(domain_ldif.EVERYBODY)
    async with limited(domain) as (controller, limits):
        limits.page, limits.values = 100, 70
        records = await found(domain, controllers=[controller], scope=[{"member_of": guid_of(domain, group)}])

    assert len(records) == 300
    assert limits.ranges >= 4  # 300 members in pieces of 70


async def test_an_unchanged_delta_is_a_few_requests(domain: PrivateDomain) -> None:
    async with limited(domain) as (controller, limits):
        settings = settings_of(domain, controllers=[controller])
        async with opened_source(domain, settings) as source:
            (*_, end) = await read(source, USERS)
            assert isinstance(end, Finished)
            limits.searches.clear()
            again = [item async for item in source.read(Wanted(USERS, Mode.DELTA, end.cursor))]

    assert [item for item in again if not isinstance(item, Finished)] == []
    assert len(limits.searches) <= 5


@pytest.mark.parametrize("entries", [0, 1, 150, 299])
async def test_a_line_that_is_cut_in_the_middle_is_never_a_short_read(
    domain: PrivateDomain, entries: int
) -> None:
    async with limited(domain) as (controller, limits):
        limits.cut_after = entries + 2  # the controller's own facts come first
        async with opened_source(domain, settings_of(domain, controllers=[controller])) as source:
            with pytest.raises(SourceUnavailable):
                await read(source, USERS)
            assert len(ids(await read(source, USERS))) > 300


async def test_a_busy_controller_may_be_well_again_soon(domain: PrivateDomain) -> None:
    async with limited(domain) as (controller, limits):
        limits.busy = 1
        async with opened_source(domain, settings_of(domain, controllers=[controller])) as source:
            with pytest.raises(SourceUnavailable) as refused:
                await read(source, USERS)
            assert ids(await read(source, USERS))
    assert str(BUSY) in f"{refused.value.detail}{refused.value.message}"


async def test_a_domain_can_be_looked_through(domain: PrivateDomain) -> None:
    async with opened_source(domain, settings_of(domain)) as source:
        assert isinstance(source, BrowsableSource)
        branches = [branch async for branch in source.browse()]

    units = {branch.path: branch for branch in branches if branch.what == "unit"}
    groups = {branch.path[-1] for branch in branches if branch.what == "group"}
    legal = units["Company", "People", "Legal"]
    assert legal == Branch(
        "unit",
        ("Company", "People", "Legal"),
        guid_of(domain, domain_ldif.unit_dn("Legal")),
        {USERS: sum(person.department == "Legal" for person in EVERYBODY)},
    )
    assert units["Company", "Machines"].holds == {ASSETS: 30}
    assert domain_ldif.EVERYBODY in groups
    assert len(guids(domain, "(objectClass=organizationalUnit)")) <= len(units)
