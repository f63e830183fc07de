"""What happens in a domain between runs, and what Halo holds afterwards: a real controller, engine and target."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from halo_agent.connectors.active_directory import values
from halo_agent.connectors.active_directory.cursor import Cursor
from halo_sandbox.services import domain_controller as domains
from halo_sandbox.services import domain_ldif
from halo_sandbox.services.domain_controller import PrivateDomain
from halo_shared.errors import SettingsInvalid
from halo_shared.runs import Mode, RunStatus
from tests.support.active_directory import guid_of
from tests.support.domain_sync import USERS, InStep, in_step
from tests.support.services import needed

NOTHING = (0, 0, 0)


@pytest.fixture(scope="module")
def own_domain() -> Iterator[PrivateDomain]:
    """A domain without people; each test makes the units and people it is about."""
    with needed(), domains.serving([]) as private:
        private.add(domain_ldif.account("auditor", private.password))
        private.let_see_deleted(f"CN=auditor,CN=Users,{private.base}")
        yield private


class Hands:
    """What an administrator does in a corner of the domain that no other test sees."""

    def __init__(self, domain: PrivateDomain) -> None:
        self.domain = domain
        self._tag = secrets.token_hex(3)
        self.top = f"OU={self._tag},{domain.base}"
        self.staff = f"OU=Staff,{self.top}"
        self.sales = f"OU=Sales,{self.staff}"
        self.leavers = f"OU=Leavers,{self.top}"
        self.team = f"CN=team {self._tag},{self.top}"

    def settle(self) -> None:
        """Ann and Ben in Staff, Cas in Sales below it, Dot in Leavers."""
        units = [
            f"dn: {dn}\nobjectClass: organizationalUnit\n"
            for dn in (self.top, self.staff, self.sales, self.leavers)
        ]
        people = (("ann", self.staff), ("ben", self.staff), ("cas", self.sales), ("dot", self.leavers))
        self.domain.add("\n".join((*units, *(self._person(name, unit) for name, unit in people))))

    def unit(self, dn: str) -> str:
        self.domain.add(f"dn: {dn}\nobjectClass: organizationalUnit\n")
        return dn

    def person(self, name: str) -> None:
        self.domain.add(self._person(name, self.staff))

    def at(self, name: str, unit: str | None = None) -> str:
        """The DN of a person."""
        return f"CN={name}-{self._tag},{unit or self.staff}"

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

    def guid(self, dn: str) -> str:
        return guid_of(self.domain, dn)

    def sid(self, dn: str) -> str:
        found = self.domain.search(f"(distinguishedName={dn})", "objectSid")
        return str(re.findall(r"^objectSid: (\S+)", found, re.MULTILINE)[0])

    def _person(self, name: str, unit: str) -> str:
        login = f"{name}-{self._tag}"
        return "\n".join(
            (
                f"dn: {self.at(name, unit)}", "objectClass: user", f"sAMAccountName: {login}",
                f"userPrincipalName: {login}@example.test", f"displayName: {name}", f"mail: {login}@example.test",
                "title: Engineer", "telephoneNumber: 11", "userAccountControl: 512", "",
            )
        )  # fmt: skip


@pytest.fixture
def hands(own_domain: PrivateDomain) -> Hands:
    found = Hands(own_domain)
    found.settle()
    return found


PLAIN, SEEING, DIRSYNC = (
    "an ordinary account",
    "an account that sees deleted objects",
    "an account with dirsync",
)


@pytest.fixture
def account() -> str:
    """What the account that reads may do; a test that is about it says so."""
    return SEEING


every_account = pytest.mark.parametrize("account", [PLAIN, SEEING, DIRSYNC])
both_ways = pytest.mark.parametrize("account", [SEEING, DIRSYNC])


@pytest.fixture
async def kept(account: str, hands: Hands, tmp_path: Path) -> AsyncIterator[InStep]:
    """Staff in step with Halo: Ann, Ben and Cas; Dot is outside the scope."""
    domain = hands.domain
    name = {PLAIN: domain.reader, SEEING: "auditor@example.test", DIRSYNC: domain.administrator}[account]
    scope = [{"ou": hands.guid(hands.staff), "name": "staff"}]
    async with in_step(domain, tmp_path, scope=scope, account=name) as kept:
        ran = await kept.run()
        assert ran.written == (3, 0, 0)
        cursor = Cursor.model_validate_json(kept.cursors[USERS])
        assert (bool(cursor.cookie), cursor.sees_deleted) == {
            PLAIN: (False, False), SEEING: (False, True), DIRSYNC: (True, True),
        }[account]  # fmt: skip
        assert await names(kept) == {"ann", "ben", "cas"}
        yield kept


async def people(kept: InStep, *, active: bool = True) -> dict[str, dict[str, Any]]:
    """Whom Halo holds, by first name."""
    return {login.partition("-")[0]: row for login, row in (await kept.held(active=active)).items()}


async def names(kept: InStep, *, active: bool = True) -> set[str]:
    """Who is held in Halo."""
    return set(await people(kept, active=active))


def now() -> int:
    return values.as_file_time(datetime.now(UTC))


def is_delta(kept: InStep, before: str) -> bool:
    """Whether the last run read changes only."""
    then, now = Cursor.model_validate_json(before), Cursor.model_validate_json(kept.cursors[USERS])
    return then.full_at == now.full_at


@every_account
async def test_nothing_changed_is_nothing_written_in_a_few_requests(kept: InStep) -> None:
    before = kept.cursors[USERS]
    ran = await kept.run()

    assert ran.written == NOTHING
    assert ran.outcome.status is RunStatus.SUCCEEDED
    assert is_delta(kept, before)


@both_ways
async def test_created_changed_and_emptied(kept: InStep, hands: Hands) -> None:
    before = kept.cursors[USERS]
    hands.person("eve")
    hands.change(hands.at("ann"), "replace: telephoneNumber", "telephoneNumber: 99")
    hands.change(hands.at("ben"), "delete: telephoneNumber")

    ran = await kept.run()

    assert is_delta(kept, before)
    assert ran.written == (1, 2, 0)
    held = await people(kept)
    assert set(held) == {"ann", "ben", "cas", "eve"}
    assert held["ann"]["phonenumber"] == "99"
    assert not held["ben"].get("phonenumber")


async def test_renamed_and_moved_inside_the_scope_is_the_same_person(kept: InStep, hands: Hands) -> None:
    before = await people(kept)
    moved = hands.move(hands.at("ann"), hands.sales, "CN=ann marie")
    hands.change(moved, "replace: displayName", "displayName: Ann-Marie")

    ran = await kept.run()

    assert ran.written == (0, 1, 0)
    held = await people(kept)
    assert held["ann"]["id"] == before["ann"]["id"]
    assert held["ann"]["name"] == "Ann-Marie"


@both_ways
async def test_moved_out_of_the_scope_and_back(kept: InStep, hands: Hands) -> None:
    away = hands.move(hands.at("ann"), hands.leavers)
    ran = await kept.run()
    assert ran.written == (0, 0, 1)
    assert await names(kept) == {"ben", "cas"}

    hands.move(away, hands.staff)
    ran = await kept.run()
    assert ran.written == (0, 1, 0)
    assert await names(kept) == {"ann", "ben", "cas"}


async def test_disabled_stays_and_is_inactive_and_comes_back(kept: InStep, hands: Hands) -> None:
    hands.change(hands.at("ben"), "replace: userAccountControl", "userAccountControl: 514")
    assert (await kept.run()).written == (0, 0, 1)
    assert await names(kept, active=False) == {"ben"}

    hands.change(hands.at("ben"), "replace: userAccountControl", "userAccountControl: 512")
    assert (await kept.run()).written == (0, 1, 0)
    assert await names(kept) == {"ann", "ben", "cas"}


@both_ways
async def test_disabled_and_moved_at_once(kept: InStep, hands: Hands) -> None:
    hands.change(hands.at("ben"), "replace: userAccountControl", "userAccountControl: 514")
    hands.move(hands.at("ben"), hands.leavers)

    assert (await kept.run()).written == (0, 0, 1)
    assert await names(kept, active=False) == {"ben"}


@every_account
async def test_deleted_and_made_anew_under_the_same_name_is_another_account(
    kept: InStep, hands: Hands
) -> None:
    old = hands.guid(hands.at("ann"))
    hands.delete(hands.at("ann"))
    hands.person("ann")
    new = hands.guid(hands.at("ann"))

    await kept.run()
    await kept.run(Mode.FULL)

    active = [row for row in await kept.hands.held("users") if row.get("azureoid") == new]
    former = [row for row in await kept.hands.held("users") if row.get("azureoid") == old]
    assert new != old
    assert [row["inactive"] for row in former] in ([], [True])
    assert [bool(row["inactive"]) for row in active] == [False]


@every_account
async def test_deleted_and_restored(account: str, kept: InStep, hands: Hands) -> None:
    guid = hands.guid(hands.at("cas", hands.sales))
    before = kept.cursors[USERS]
    hands.delete(hands.at("cas", hands.sales))
    if account == PLAIN:
        assert (await kept.run()).written == NOTHING
        ran = await kept.run(Mode.FULL)
    else:
        ran = await kept.run()
        assert is_delta(kept, before)
    assert ran.written == (0, 0, 1)
    assert await names(kept, active=False) == {"cas"}

    hands.restore(guid, hands.at("cas", hands.sales))
    assert (await kept.run()).written[2] == 0
    assert await names(kept) == {"ann", "ben", "cas"}


@both_ways
async def test_a_unit_that_is_renamed_changes_nothing(kept: InStep, hands: Hands) -> None:
    hands.move(hands.sales, hands.staff, "OU=Sales and Marketing")
    hands.move(hands.staff, hands.top, "OU=Everybody")

    ran = await kept.run()

    assert ran.written == NOTHING
    assert "was changed, renamed or moved" in ran.remarks
    assert await names(kept) == {"ann", "ben", "cas"}


@both_ways
async def test_a_unit_that_is_moved_out_takes_its_people_along(kept: InStep, hands: Hands) -> None:
    away = hands.move(hands.sales, hands.leavers)
    assert (await kept.run()).written == (0, 0, 1)
    assert await names(kept) == {"ann", "ben"}

    hands.move(away, hands.staff)
    assert (await kept.run()).written == (0, 1, 0)
    assert await names(kept) == {"ann", "ben", "cas"}


async def test_a_unit_that_is_deleted_is_an_error_and_nobody_a_leaver(kept: InStep, hands: Hands) -> None:
    hands.unit(f"OU=Short,{hands.top}")
    scope = [*kept.settings["scope"], {"ou": hands.guid(f"OU=Short,{hands.top}")}]
    await kept.run(scope=scope)
    hands.delete(f"OU=Short,{hands.top}")

    with pytest.raises(SettingsInvalid, match="Nobody is taken for a leaver"):
        await kept.run(scope=scope)
    assert await names(kept) == {"ann", "ben", "cas"}


@both_ways
async def test_a_last_day_that_passes_changes_nothing_in_the_directory(kept: InStep, hands: Hands) -> None:
    soon = now() + 3 * 10_000_000
    hands.change(hands.at("ann"), "replace: accountExpires", f"accountExpires: {soon}")
    assert (await kept.run()).written == NOTHING
    await asyncio.sleep((soon - now()) / 10_000_000 + 1)

    assert (await kept.run()).written == (0, 0, 1)
    assert await names(kept, active=False) == {"ann"}


@both_ways
async def test_a_member_leaves_a_group_without_being_changed(kept: InStep, hands: Hands) -> None:
    inner = hands.team.replace("team", "inner")
    hands.group(inner, hands.at("cas", hands.sales))
    hands.group(hands.team, hands.at("ann"), inner)
    scope = [{"member_of": hands.guid(hands.team), "name": "the team"}]
    await kept.run(Mode.FULL, scope=scope)
    assert await names(kept) == {"ann", "cas"}

    hands.change(inner, "delete: member", f"member: {hands.at('cas', hands.sales)}")
    hands.change(hands.team, "add: member", f"member: {hands.at('dot', hands.leavers)}")
    ran = await kept.run(scope=scope)

    assert "the group" in ran.remarks
    assert await names(kept) == {"ann", "dot"}


async def test_whoever_has_a_group_as_primary_one_is_in_it(kept: InStep, hands: Hands) -> None:
    hands.group(hands.team, hands.at("ann"))
    rid = hands.sid(hands.team).rpartition("-")[2]
    hands.change(hands.at("ann"), "replace: primaryGroupID", f"primaryGroupID: {rid}")

    await kept.run(Mode.FULL, scope=[{"member_of": hands.guid(hands.team)}])

    assert await names(kept) == {"ann"}


async def test_the_first_rule_decides_and_the_preview_counts(kept: InStep, hands: Hands) -> None:
    scope = [
        {"ou": hands.guid(hands.sales), "exclude": True, "name": "no sales"},
        {"ou": hands.guid(hands.staff), "recursive": False, "filter": "(title=Engineer)"},
        {"ou": hands.guid(hands.top), "name": "the rest", "place": {"client": "Acme", "site": "Main"}},
    ]
    ran = await kept.run(Mode.FULL, scope=scope)

    assert "Rule 1 'no sales' leaves out 1 users." in ran.remarks
    assert "Rule 2 'Staff' catches 2 users." in ran.remarks
    assert "Rule 3 'the rest' catches 1 users for Acme / Main." in ran.remarks
    assert await names(kept) == {"ann", "ben", "dot"}
    assert await names(kept, active=False) == {"cas"}


@every_account
async def test_an_account_that_loses_its_rights_has_no_leavers(
    account: str, kept: InStep, hands: Hands
) -> None:
    name = {PLAIN: "halo-reader", SEEING: "auditor", DIRSYNC: "Administrator"}[account]
    sid = hands.sid(f"CN={name},CN=Users,{hands.domain.base}")
    hands.domain.tool("dsacl", "set", f"--objectdn={hands.sales}", "--sddl", f"(D;CI;RPLCLORC;;;{sid})")

    ran = await kept.run(Mode.FULL)

    assert ran.written == NOTHING
    assert await names(kept) == {"ann", "ben", "cas"}
    assert "catches 2 users" in ran.remarks
    assert ("nobody is deactivated for not being seen" in ran.remarks) is (account == PLAIN)


@every_account
async def test_a_full_read_says_who_is_away_and_why(kept: InStep, hands: Hands) -> None:
    hands.person("eve")
    await kept.run()
    hands.delete(hands.at("ann"))
    hands.move(hands.at("ben"), hands.leavers)

    assert (await kept.run(Mode.FULL)).written == (0, 0, 2)
    assert await names(kept) == {"cas", "eve"}


@both_ways
async def test_another_controller_or_an_older_state_is_read_whole(account: str, kept: InStep) -> None:
    before = Cursor.model_validate_json(kept.cursors[USERS])
    for changes, why in (
        ({"controller": "dc7.example.test"}, "answers today"),
        ({"invocation": "00"}, "another database"),
        ({"usn": before.usn + 1_000_000}, "put back to an earlier state"),
    ):
        kept.cursors = {USERS: before.model_copy(update=changes).model_dump_json()}
        ran = await kept.run()
        assert ran.written == NOTHING
        assert (why in ran.remarks) is (account != DIRSYNC)


async def test_a_mark_that_dirsync_refuses_is_read_whole(kept: InStep) -> None:
    before = Cursor.model_validate_json(kept.cursors[USERS])
    kept.cursors = {USERS: before.model_copy(update={"cookie": "00ff"}).model_dump_json()}

    ran = await kept.run()

    assert ran.written == NOTHING
    assert "does not take the mark" in ran.remarks


async def test_a_changed_scope_is_read_whole_and_who_fell_out_is_retired(kept: InStep, hands: Hands) -> None:
    ran = await kept.run(scope=[{"ou": hands.guid(hands.sales)}])

    assert "was changed" in ran.remarks
    assert ran.written == (0, 0, 2)
    assert await names(kept) == {"cas"}
