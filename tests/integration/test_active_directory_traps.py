"""What happens in a domain between runs, and what Halo holds afterwards: a real controller, engine and target."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from halo_agent.connectors.active_directory import values
from halo_agent.connectors.active_directory.cursor import Cursor
from halo_sandbox.services import domain_controller as domains
from halo_sandbox.services import domain_ldif
from halo_sandbox.services.domain_controller import PrivateDomain
from halo_sandbox.services.domain_ldif import COMPANY, PEOPLE
from halo_shared.errors import SettingsInvalid
from halo_shared.runs import Mode, RunStatus
from tests.support.active_directory import guid_of
from tests.support.domain_sync import USERS, InStep, in_step
from tests.support.services import needed

STAFF = f"OU=Staff,{COMPANY}"
SALES = f"OU=Sales,{STAFF}"
LEAVERS = f"OU=Leavers,{COMPANY}"
TEAM = f"CN=team,{COMPANY}"
NOTHING = (0, 0, 0)


@pytest.fixture(scope="module")
def own_domain() -> Iterator[PrivateDomain]:
    """A domain without people; each test makes the units and people it is about."""
    with needed(), domains.serving([]) as private:
        yield private


class Hands:
    """What an administrator does in the domain."""

    def __init__(self, domain: PrivateDomain) -> None:
        self.domain = domain

    def unit(self, dn: str) -> None:
        self.domain.add(f"dn: {dn}\nobjectClass: organizationalUnit\n")

    def person(self, name: str, unit: str = STAFF, *more: str) -> str:
        dn = f"CN={name},{unit}"
        lines = [
            f"dn: {dn}", "objectClass: user", f"sAMAccountName: {name}", f"userPrincipalName: {name}@example.test",
            f"displayName: {name}", f"mail: {name}@example.test", "title: Engineer", "userAccountControl: 512", *more,
        ]  # fmt: skip
        self.domain.add("\n".join(lines) + "\n")
        return dn

    def group(self, dn: str, *members: str) -> None:
        name = dn.partition(",")[0].partition("=")[2]
        lines = [
            f"dn: {dn}",
            "objectClass: group",
            f"sAMAccountName: {name}",
            *(f"member: {one}" for one in members),
        ]
        self.domain.add("\n".join(lines) + "\n")

    def change(self, dn: str, *lines: str) -> None:
        self.domain.modify("\n".join([f"dn: {dn}", "changetype: modify", *lines, ""]))

    def move(self, dn: str, unit: str, name: str | None = None) -> str:
        rdn = name or dn.partition(",")[0]
        self.domain.modify(
            f"dn: {dn}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\nnewsuperior: {unit}\n"
        )
        return f"{rdn},{unit}"

    def delete(self, dn: str) -> None:
        self.domain.modify(f"dn: {dn}\nchangetype: delete\n")

    def restore(self, guid: str, dn: str) -> None:
        """Bring a deleted object back as it was, as the recycle bin does."""
        found = self.domain.search(f"(objectGUID={guid})", "dn", controls=["show_deleted:1"])
        away = " ".join(re.findall(r"^dn: (.*(?:\n .*)*)", found, re.MULTILINE)).replace("\n ", "")
        self.domain.modify(
            f"dn: {away}\nchangetype: modify\ndelete: isDeleted\n-\nreplace: distinguishedName\n"
            f"distinguishedName: {dn}\n",
            controls=["show_deleted:1"],
        )

    def relative_id(self, dn: str) -> str:
        return self.sid(dn).rpartition("-")[2]

    def sid(self, dn: str) -> str:
        found = self.domain.search(f"(distinguishedName={dn})", "objectSid")
        return re.findall(r"^objectSid: (\S+)", found, re.MULTILINE)[0]

    @staticmethod
    def domain_time() -> int:
        return values.as_file_time(datetime.now(UTC))


@pytest.fixture
def hands(own_domain: PrivateDomain) -> Iterator[Hands]:
    """Units for staff and leavers, cleared away afterwards."""
    found = Hands(own_domain)
    for unit in (STAFF, SALES, LEAVERS):
        found.unit(unit)
    yield found
    for dn in own_domain.search("(|(objectClass=person)(objectClass=group))", "dn").splitlines():
        if dn.startswith("dn: ") and dn.endswith(COMPANY):
            found.delete(dn.removeprefix("dn: "))
    units = [
        line.removeprefix("dn: ")
        for line in own_domain.search("(objectClass=organizationalUnit)", "dn").splitlines()
        if line.startswith("dn: ") and line.endswith(f",{COMPANY}")
    ]
    for unit in sorted(units, key=lambda dn: -dn.count(",")):
        if unit not in {PEOPLE, domain_ldif.GROUPS, domain_ldif.MACHINES}:
            found.delete(unit)


@pytest.fixture(params=["by count", "by dirsync"])
async def kept(request: pytest.FixtureRequest, hands: Hands, tmp_path: Path) -> AsyncIterator[InStep]:
    """Staff in step with Halo: Ann and Ben in Staff, Cas in Sales below it, Dot in Leavers, outside the scope."""
    for name, unit in (("ann", STAFF), ("ben", STAFF), ("cas", SALES), ("dot", LEAVERS)):
        hands.person(name, unit)
    account = {}
    if request.param == "by dirsync":
        account = {"account": hands.domain.administrator}
    scope = [{"ou": guid_of(hands.domain, STAFF), "name": "staff"}]
    async with in_step(hands.domain, tmp_path, scope=scope, **account) as kept:
        ran = await kept.run()
        assert ran.written == (3, 0, 0)
        assert bool(Cursor.model_validate_json(kept.cursors[USERS]).cookie) is bool(account)
        assert set(await kept.held()) == logins("ann", "ben", "cas")
        yield kept


def logins(*names: str) -> set[str]:
    return {f"{name}@example.test" for name in names}


def is_delta(kept: InStep, before: str) -> bool:
    """Whether the last run read changes only."""
    then, now = Cursor.model_validate_json(before), Cursor.model_validate_json(kept.cursors[USERS])
    return then.full_at == now.full_at


async def test_nothing_changed_is_nothing_written_in_a_few_requests(kept: InStep) -> None:
    before = kept.cursors[USERS]
    ran = await kept.run()

    assert ran.written == NOTHING
    assert ran.outcome.status is RunStatus.SUCCEEDED
    assert is_delta(kept, before)


async def test_created_changed_and_emptied(kept: InStep, hands: Hands) -> None:
    before = kept.cursors[USERS]
    hands.person("eve")
    hands.change(f"CN=ann,{STAFF}", "replace: title", "title: Director")
    hands.change(f"CN=ben,{STAFF}", "delete: title")

    ran = await kept.run()

    assert is_delta(kept, before)
    assert ran.written == (1, 2, 0)
    held = await kept.held()
    assert set(held) == logins("ann", "ben", "cas", "eve")
    assert held["ann@example.test"]["jobtitle"] == "Director"
    assert not held["ben@example.test"].get("jobtitle")


async def test_renamed_and_moved_inside_the_scope_is_the_same_person(kept: InStep, hands: Hands) -> None:
    before = await kept.held()
    moved = hands.move(f"CN=ann,{STAFF}", SALES, "CN=ann-marie")
    hands.change(moved, "replace: displayName", "displayName: Ann-Marie")

    ran = await kept.run()

    assert ran.written == (0, 1, 0)
    held = await kept.held()
    assert held["ann@example.test"]["id"] == before["ann@example.test"]["id"]
    assert held["ann@example.test"]["name"] == "Ann-Marie"


async def test_moved_out_of_the_scope_and_back(kept: InStep, hands: Hands) -> None:
    away = hands.move(f"CN=ann,{STAFF}", LEAVERS)
    ran = await kept.run()
    assert ran.written == (0, 0, 1)
    assert set(await kept.held()) == logins("ben", "cas")

    hands.move(away, STAFF)
    ran = await kept.run()
    assert ran.written == (0, 1, 0)
    assert set(await kept.held()) == logins("ann", "ben", "cas")


async def test_disabled_stays_and_is_inactive_and_comes_back(kept: InStep, hands: Hands) -> None:
    hands.change(f"CN=ben,{STAFF}", "replace: userAccountControl", "userAccountControl: 514")
    assert (await kept.run()).written == (0, 0, 1)
    assert set(await kept.held(active=False)) == logins("ben")

    hands.change(f"CN=ben,{STAFF}", "replace: userAccountControl", "userAccountControl: 512")
    assert (await kept.run()).written == (0, 1, 0)
    assert set(await kept.held()) == logins("ann", "ben", "cas")


async def test_disabled_and_moved_at_once(kept: InStep, hands: Hands) -> None:
    hands.change(f"CN=ben,{STAFF}", "replace: userAccountControl", "userAccountControl: 514")
    hands.move(f"CN=ben,{STAFF}", LEAVERS)

    assert (await kept.run()).written == (0, 0, 1)
    assert set(await kept.held(active=False)) == logins("ben")


async def test_deleted_and_made_anew_under_the_same_name_is_another_account(
    kept: InStep, hands: Hands
) -> None:
    old = guid_of(hands.domain, f"CN=ann,{STAFF}")
    hands.delete(f"CN=ann,{STAFF}")
    hands.person("ann")
    new = guid_of(hands.domain, f"CN=ann,{STAFF}")

    await kept.run()
    await kept.run(Mode.FULL)

    active = [row for row in await kept.hands.held("users") if row.get("azureoid") == new]
    former = [row for row in await kept.hands.held("users") if row.get("azureoid") == old]
    assert new != old
    assert [row["inactive"] for row in former] in ([], [True])
    assert [bool(row["inactive"]) for row in active] == [False]


async def test_deleted_and_restored(kept: InStep, hands: Hands) -> None:
    guid = guid_of(hands.domain, f"CN=cas,{SALES}")
    before = kept.cursors[USERS]
    hands.delete(f"CN=cas,{SALES}")
    assert (await kept.run()).written == (0, 0, 1)
    assert is_delta(kept, before)
    assert set(await kept.held(active=False)) == logins("cas")

    hands.restore(guid, f"CN=cas,{SALES}")
    assert (await kept.run()).written[2] == 0
    assert set(await kept.held()) >= logins("ann", "ben", "cas") - logins("cas")
    assert set(await kept.held()) == logins("ann", "ben", "cas")


async def test_a_unit_that_is_renamed_changes_nothing(kept: InStep, hands: Hands) -> None:
    hands.move(SALES, STAFF, "OU=Sales and Marketing")
    hands.move(STAFF, COMPANY, "OU=Everybody")

    ran = await kept.run()

    assert ran.written == NOTHING
    assert "was changed, renamed or moved" in ran.remarks
    assert set(await kept.held()) == logins("ann", "ben", "cas")


async def test_a_unit_that_is_moved_out_takes_its_people_along(kept: InStep, hands: Hands) -> None:
    away = hands.move(SALES, LEAVERS)
    assert (await kept.run()).written == (0, 0, 1)
    assert set(await kept.held()) == logins("ann", "ben")

    hands.move(away, STAFF)
    assert (await kept.run()).written == (0, 1, 0)
    assert set(await kept.held()) == logins("ann", "ben", "cas")


async def test_a_unit_that_is_deleted_is_an_error_and_nobody_a_leaver(kept: InStep, hands: Hands) -> None:
    hands.unit(f"OU=Short,{COMPANY}")
    scope = [*kept.settings["scope"], {"ou": guid_of(hands.domain, f"OU=Short,{COMPANY}")}]
    await kept.run(scope=scope)
    hands.delete(f"OU=Short,{COMPANY}")

    with pytest.raises(SettingsInvalid, match="Nobody is taken for a leaver"):
        await kept.run(scope=scope)
    assert set(await kept.held()) == logins("ann", "ben", "cas")


async def test_a_last_day_that_passes_changes_nothing_in_the_directory(kept: InStep, hands: Hands) -> None:
    soon = hands.domain_time() + 3 * 10_000_000
    hands.change(f"CN=ann,{STAFF}", "replace: accountExpires", f"accountExpires: {soon}")
    assert (await kept.run()).written == NOTHING
    while hands.domain_time() < soon + 10_000_000:
        await asyncio.sleep(0.2)

    assert (await kept.run()).written == (0, 0, 1)
    assert set(await kept.held(active=False)) == logins("ann")


async def test_a_member_leaves_a_group_without_being_changed(kept: InStep, hands: Hands) -> None:
    inner = f"CN=inner,{COMPANY}"
    hands.group(inner, f"CN=cas,{SALES}")
    hands.group(TEAM, f"CN=ann,{STAFF}", inner)
    scope = [{"member_of": guid_of(hands.domain, TEAM), "name": "the team"}]
    await kept.run(Mode.FULL, scope=scope)
    assert set(await kept.held()) == logins("ann", "cas")

    hands.change(inner, "delete: member", f"member: CN=cas,{SALES}")
    hands.change(TEAM, "add: member", f"member: CN=dot,{LEAVERS}")
    ran = await kept.run(scope=scope)

    assert "the group" in ran.remarks
    assert set(await kept.held()) == logins("ann", "dot")


async def test_whoever_has_a_group_as_primary_one_is_in_it(kept: InStep, hands: Hands) -> None:
    hands.group(TEAM, f"CN=ann,{STAFF}")
    rid = hands.relative_id(TEAM)
    hands.change(f"CN=ann,{STAFF}", "replace: primaryGroupID", f"primaryGroupID: {rid}")

    await kept.run(Mode.FULL, scope=[{"member_of": guid_of(hands.domain, TEAM)}])

    assert set(await kept.held()) == logins("ann")


async def test_the_first_rule_decides_and_the_preview_counts(kept: InStep, hands: Hands) -> None:
    scope = [
        {"ou": guid_of(hands.domain, SALES), "exclude": True, "name": "no sales"},
        {"ou": guid_of(hands.domain, STAFF), "recursive": False, "filter": "(title=Engineer)"},
        {"name": "the rest", "place": {"client": "Acme", "site": "Main"}},
    ]
    ran = await kept.run(Mode.FULL, scope=scope)

    assert "Rule 1 'no sales' leaves out 1 users." in ran.remarks
    assert "Rule 2 'Staff' catches 2 users." in ran.remarks
    assert "Rule 3 'the rest' catches 2 users for Acme / Main." in ran.remarks
    assert set(await kept.held()) >= logins("ann", "ben", "dot")
    assert set(await kept.held(active=False)) == logins("cas")


async def test_an_account_that_loses_its_rights_has_no_leavers(
    kept: InStep, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    hands.domain.tool(
        "dsacl", "set", f"--objectdn={SALES}", "--action=deny", f"--trusteedn={domain_ldif.READER}", "--sddl",
        f"(D;CI;RPLCLORC;;;{hands.sid(domain_ldif.READER)})",
    )  # fmt: skip
    ran = await kept.run(Mode.FULL)

    assert ran.written == NOTHING
    assert set(await kept.held()) == logins("ann", "ben", "cas")
    if kept.settings.get("account") is None:
        assert "catches 2 users" in ran.remarks


async def test_a_full_read_says_who_is_away_and_why(kept: InStep, hands: Hands) -> None:
    hands.delete(f"CN=ann,{STAFF}")
    hands.move(f"CN=ben,{STAFF}", LEAVERS)

    assert (await kept.run(Mode.FULL)).written == (0, 0, 2)
    assert set(await kept.held()) == logins("cas")


async def test_another_controller_or_an_older_state_is_read_whole(kept: InStep) -> None:
    before = Cursor.model_validate_json(kept.cursors[USERS])
    for changes, why in (
        ({"controller": "dc7.example.test"}, "answers today"),
        ({"invocation": "00"}, "another database"),
        ({"usn": before.usn + 1_000_000}, "put back to an earlier state"),
    ):
        kept.cursors = {USERS: before.model_copy(update=changes).model_dump_json()}
        ran = await kept.run()
        assert ran.written == NOTHING
        assert (why in ran.remarks) is not bool(before.cookie)


async def test_a_mark_that_dirsync_refuses_is_read_whole(kept: InStep) -> None:
    before = Cursor.model_validate_json(kept.cursors[USERS])
    kept.cursors = {USERS: before.model_copy(update={"cookie": "00ff"}).model_dump_json()}

    ran = await kept.run()

    assert ran.written == NOTHING
    assert "does not take the mark" in ran.remarks
    assert not is_delta(kept, before.model_dump_json())


async def test_a_changed_scope_is_read_whole_and_who_fell_out_is_retired(kept: InStep, hands: Hands) -> None:
    ran = await kept.run(scope=[{"ou": guid_of(hands.domain, SALES)}])

    assert "was changed" in ran.remarks
    assert ran.written == (0, 0, 2)
    assert set(await kept.held()) == logins("cas")
