"""The ninjaone connector against a stand-in that refuses what NinjaOne would refuse."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from halo_agent.connectors.ninjaone import reader
from halo_agent.connectors.ninjaone import source as sources
from halo_agent.connectors.ninjaone.auth import EARLY
from halo_agent.connectors.ninjaone.source import NinjaOneSource
from halo_agent.engine.ports import Wanted
from halo_agent.engine.records import Reference, Role, Software
from halo_sandbox.services.certificates import Certificates
from halo_shared.clock import SystemClock
from halo_shared.entities import EntityKind
from halo_shared.errors import (
    ConfigurationError,
    CredentialRefused,
    HaloIntegratorError,
    IncompleteRead,
    PermissionMissing,
    RateLimited,
    SettingsInvalid,
    SourceUnavailable,
)
from halo_shared.runs import Mode
from tests.support.ninja import CLIENT, populate, read, source
from tests.support.ninjaone.estate import Estate
from tests.support.ninjaone.identity import LIFE
from tests.support.ninjaone.server import Ninja, ninja
from tests.support.serving import serving
from tests.support.sources import SECRET, HurriedClock, Read

CLIENTS, SITES, USERS, _, ASSETS = EntityKind


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.fresh(tmp_path_factory.mktemp("certificates"))


class PassingClock(SystemClock):
    """The machine's clock, set forward by a test."""

    def __init__(self) -> None:
        self.later = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.later


@pytest.fixture
def clock() -> PassingClock:
    return PassingClock()


@pytest.fixture
async def instance(
    certificates: Certificates, clock: PassingClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ninja]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    async with ninja(certificates, clock) as running:
        yield running


@pytest.fixture
def estate(instance: Ninja) -> Estate:
    return populate(instance)


def asked(instance: Ninja, path: str) -> list[str]:
    """The queries of what was asked of this path."""
    return [one.partition("?")[2] for one in instance.requests if one.startswith(f"/v2/{path}?")]


class TestReading:
    async def test_organizations_are_clients_and_locations_their_sites(
        self, instance: Ninja, estate: Estate
    ) -> None:
        async with source(instance) as opened:
            clients, sites = await read(opened, CLIENTS, "name"), await read(opened, SITES, "name")

        assert {id_: one.name for id_, one in clients.records.items()} == {"1": "Acme", "2": "Globex"}
        assert set(sites.records) == {"11", "12", "21"}
        assert sites.records["21"].references == (Reference(Role.CLIENT, CLIENTS, "2"),)
        assert (clients.end.full, sites.end.full) == (True, True)

    async def test_devices_have_their_place_and_what_the_api_tells_of_them(
        self, instance: Ninja, estate: Estate
    ) -> None:
        async with source(instance) as opened:
            everything = await read(opened, ASSETS, "organization", "location", "role")

        laptop = everything.records["1"]
        assert laptop.references == (Reference(Role.CLIENT, CLIENTS, "1"), Reference(Role.SITE, SITES, "12"))
        expected = {
            "organization": "Acme",
            "location": "Harbour",
            "role": "Laptop",
            "serialOrName": "S000001",
            "system.manufacturer": "Dell Inc.",
            "system.model": "Latitude 7440",
            "os.name": "Windows 11 Pro",
            "macAddresses": ("00:11:22:33:00:01",),
            "lastContact": 1_790_000_000.25,
            "url": f"{instance.url}/#/deviceDashboard/1/overview",
        }
        assert {name: laptop.attributes[name] for name in expected} == expected

    async def test_no_more_is_read_than_is_asked_for(self, instance: Ninja, estate: Estate) -> None:
        async with source(instance, last_user={"link": False}) as opened:
            await read(opened, ASSETS, "serialNumber")

        assert {one.partition("?")[0] for one in instance.requests} == {"/v2/devices-detailed"}

    async def test_organizations_are_read_once_whoever_needs_them(
        self, instance: Ninja, estate: Estate
    ) -> None:
        async with source(instance, organizations={"include": ["Acme"]}) as opened:
            await read(opened, ASSETS, "organization")

        assert len(asked(instance, "organizations")) == 2  # a page, and the empty one

    async def test_only_an_empty_page_is_the_end(self, instance: Ninja) -> None:
        populate(instance, devices=23)
        instance.gives = 5  # fewer than it is asked for

        async with source(instance) as opened:
            everything = await read(opened)

        assert len(everything.records) == 23
        assert [query.rpartition("=")[2] for query in asked(instance, "devices-detailed")[1:]] == [
            *("5", "10", "15", "20", "23")
        ]

    async def test_software_is_read_for_some_devices_at_a_time_to_its_last_page(
        self, instance: Ninja, estate: Estate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reader, "TOGETHER", 2)
        instance.gives = 4
        for device in (1, 2, 3):
            estate.install(device, *((f"Program {number}", "1.0") for number in range(5)))

        async with source(instance, software=True) as opened:
            everything = await read(opened)

        assert [len(everything.records[id_].software or ()) for id_ in "123"] == [5, 5, 5]
        assert everything.records["1"].software is not None
        assert everything.records["1"].software[0] == Software("Program 0", "1.0", "Example")
        assert everything.records["4"].software is None  # of which NinjaOne says nothing
        assert "id+in+%281%2C+2%29" in asked(instance, "queries/software")[0]

    async def test_the_last_user_is_told_by_halo_s_own_field(self, instance: Ninja, estate: Estate) -> None:
        estate.logon(1, "ACME\\anna")
        estate.logon(2, "ACME\\Administrator")

        async with source(instance, last_user={"ignore": ["*\\administrator"]}) as opened:
            kept = await read(opened)
        async with source(instance, last_user={"domain": "drop", "field": "samaccountname"}) as opened:
            dropped = await read(opened)

        anna = Reference(Role.USER, USERS, "ACME\\anna", attribute="login")
        assert anna in kept.records["1"].references
        assert not [one for one in kept.records["2"].references if one.role is Role.USER]
        assert Reference(Role.USER, USERS, "anna", "samaccountname") in dropped.records["1"].references

    async def test_changes_cannot_be_told_and_that_is_said(self, instance: Ninja, estate: Estate) -> None:
        async with source(instance) as opened:
            everything = Read([item async for item in opened.read(Wanted(ASSETS, Mode.DELTA))])

        assert len(everything.records) == 6
        assert everything.end.full
        assert "NinjaOne tells none" in everything.remarks[0]

    async def test_users_are_not_to_be_had(self, instance: Ninja, estate: Estate) -> None:
        async with source(instance) as opened:
            with pytest.raises(ConfigurationError, match="take users out of 'entities'"):
                await read(opened, USERS)

    async def test_a_device_out_of_contact_may_count_as_out_of_use(
        self, instance: Ninja, estate: Estate
    ) -> None:
        estate.device(2, lastContact=1.0, offline=True)

        async with source(instance) as opened:
            by_presence = await read(opened)
        async with source(instance, devices={"inactive_after": "3650d"}) as opened:
            by_contact = await read(opened)

        assert by_presence.records["2"].active
        assert [id_ for id_, one in by_contact.records.items() if not one.active] == ["2"]


class TestScope:
    @pytest.mark.parametrize(
        ("said", "sites", "devices"),
        [
            ({"include": ["acme"]}, {"11", "12"}, {"1", "3", "4", "6"}),
            ({"include": [2]}, {"21"}, {"2", "5"}),
            ({"exclude": ["Globex"]}, {"11", "12"}, {"1", "3", "4", "6"}),
        ],
    )
    async def test_organizations_take_their_sites_and_devices_with_them(
        self, instance: Ninja, estate: Estate, said: dict[str, object], sites: set[str], devices: set[str]
    ) -> None:
        async with source(instance, organizations=said) as opened:
            assert set((await read(opened, SITES)).records) == sites
            assert set((await read(opened)).records) == devices
            assert len((await read(opened, CLIENTS)).records) == 1

    async def test_an_organization_that_is_not_there_is_named(self, instance: Ninja, estate: Estate) -> None:
        async with source(instance, organizations={"exclude": ["Glowbex"]}) as opened:
            with pytest.raises(SettingsInvalid, match=r"exclude: .* no organization 'Glowbex'.* Globex"):
                await read(opened)

    async def test_node_classes_approval_and_a_filter_of_one_s_own(
        self, instance: Ninja, estate: Estate
    ) -> None:
        estate.device(2, nodeClass="NMS_SWITCH")
        estate.device(3, nodeClass="WINDOWS_SERVER")
        estate.device(4, approvalStatus="PENDING")

        async with source(instance) as opened:
            assert set((await read(opened)).records) == {"1", "3", "5", "6"}
        async with source(instance, devices={"classes": ["nms_*", "WINDOWS_SERVER"]}) as opened:
            assert set((await read(opened)).records) == {"2", "3"}
        async with source(
            instance, devices={"classes": ["*"], "pending": True, "filter": "loc = 12"}
        ) as opened:
            assert set((await read(opened)).records) == {"1", "4"}

    async def test_a_filter_that_ninjaone_does_not_understand(self, instance: Ninja, estate: Estate) -> None:
        async with source(instance, devices={"filter": "colour = red"}) as opened:
            with pytest.raises(
                SettingsInvalid, match=r"colour = red'.*Unknown field 'colour'.*'devices\.filter'"
            ):
                await read(opened)


class TestSigningIn:
    @pytest.mark.parametrize(
        ("change", "error", "words"),
        [
            (
                {"secret": "another"},
                CredentialRefused,
                "client secret of application .* is wrong.*'client_secret'",
            ),
            ({"scopes": frozenset({"management"})}, PermissionMissing, "scope monitoring: tick Monitoring"),
            ({"machine": False}, CredentialRefused, r"'API Services \(machine-to-machine\)'"),
        ],
    )
    async def test_a_refusal_says_what_to_do(
        self,
        instance: Ninja,
        estate: Estate,
        change: dict[str, object],
        error: type[HaloIntegratorError],
        words: str,
    ) -> None:
        application = instance.identity.applications[CLIENT]
        instance.identity.applications[CLIENT] = replace(application, **change)  # type: ignore[arg-type]  # as the table says

        async with source(instance) as opened:
            with pytest.raises(error, match=words) as raised:
                await read(opened)

        assert SECRET not in f"{raised.value} {raised.value.detail}"

    async def test_another_region_does_not_know_the_application(self, instance: Ninja) -> None:
        async with source(instance) as opened:
            with pytest.raises(SettingsInvalid, match=r"localhost knows no application .*'instance'"):
                await read(opened)

    async def test_a_proxy_s_certificate_is_named(
        self, instance: Ninja, estate: Estate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")

        async with source(instance) as opened:
            with pytest.raises(SettingsInvalid, match="certificate of localhost is not trusted"):
                await read(opened)

    async def test_a_token_is_used_until_shortly_before_its_end(
        self,
        instance: Ninja,
        estate: Estate,
        clock: PassingClock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(sources, "SystemClock", lambda: clock)
        instance.gives = 1

        async with source(instance) as opened:
            reading = opened.read(Wanted(ASSETS))
            await anext(reading)
            assert len(instance.identity.given) == 1
            clock.later += LIFE - EARLY + 1
            rest = [item async for item in reading]

        assert len(rest) == 6
        assert len(instance.identity.given) == 2

    async def test_a_token_that_ended_on_the_way_is_renewed(self, instance: Ninja, estate: Estate) -> None:
        instance.gives = 2
        instance.troubles = {3: "expire", 4: "expire"}

        async with source(instance, last_user={"link": False}) as opened:
            # The one that is refused twice in a row stands for a right that was taken away.
            with pytest.raises(CredentialRefused, match="took a fresh token for no good"):
                await read(opened)
            instance.requests.clear()
            instance.troubles = {3: "expire"}
            everything = await read(opened)

        assert len(everything.records) == 6


class TestTroubles:
    async def test_patience_is_given_when_it_is_asked_for(
        self, instance: Ninja, estate: Estate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = _hurried(monkeypatch)
        instance.gives = 2
        instance.troubles = {2: "throttle", 4: "throttle"}

        async with source(instance) as opened:
            everything = await read(opened)

        assert len(everything.records) == 6
        assert clock.slept >= 10

    async def test_too_long_a_wait_is_left_to_the_next_run(self, instance: Ninja, estate: Estate) -> None:
        instance.throttled = [900]

        async with source(instance) as opened:
            with pytest.raises(RateLimited) as raised:
                await read(opened)

        assert raised.value.retry_after == 900

    async def test_a_passing_fault_passes_and_a_lasting_one_is_told(
        self, instance: Ninja, estate: Estate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _hurried(monkeypatch)
        instance.failing = [503, 502]

        async with source(instance) as opened:
            assert len((await read(opened)).records) == 6
            instance.failing = [503] * 20
            with pytest.raises(SourceUnavailable, match="status 503"):
                await read(opened)

    async def test_a_page_that_breaks_off_is_asked_for_again(
        self, instance: Ninja, estate: Estate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _hurried(monkeypatch)
        instance.gives = 2
        instance.troubles = {2: "break", 4: "break"}

        async with source(instance) as opened:
            assert len((await read(opened)).records) == 6

    async def test_a_record_without_an_id_is_listed_and_ends_no_page_in_silence(
        self, instance: Ninja, estate: Estate
    ) -> None:
        estate.device(3)["id"] = None
        estate.device(3)["nodeClass"] = 7

        async with source(instance, devices={"classes": ["*"]}) as opened:
            with pytest.raises(IncompleteRead, match="without an id: the rest is unknown"):
                await read(opened)

    async def test_an_organization_without_a_name_is_listed(self, instance: Ninja, estate: Estate) -> None:
        estate.organization(2, "")

        async with source(instance) as opened:
            clients = await read(opened, CLIENTS)

        assert set(clients.records) == {"1"}
        assert clients.unreadable == {"organization 2": "NinjaOne gave no name for it"}

    async def test_a_page_that_is_given_again_is_no_end(self, instance: Ninja, estate: Estate) -> None:
        instance.deaf = True

        async with source(instance) as opened:
            with pytest.raises(IncompleteRead, match="a page of devices-detailed again"):
                await read(opened)

    async def test_no_organization_at_all_proves_nothing(self, instance: Ninja, estate: Estate) -> None:
        estate.organizations.clear()

        async with source(instance) as opened:
            with pytest.raises(IncompleteRead, match="no organization at all"):
                await read(opened, CLIENTS)


class TestChecking:
    async def test_shows_each_stage(self, instance: Ninja, estate: Estate) -> None:
        estate.install(1, ("Office", "16"))

        async with source(instance, software=True, organizations={"include": ["Acme"]}) as opened:
            steps = {step.stage: step.found async for step in opened.check()}

        assert list(steps) == [
            *("address", "sign-in", "organizations", "locations", "devices", "logged-on-users", "software")
        ]
        assert steps["organizations"] == "1 of 2 are read: Acme"
        assert "for 60 minutes" in steps["sign-in"]
        assert "first of all: PC-1; asked for by: org in (1) AND class in (" in steps["devices"]

    async def test_stops_at_the_stage_that_fails(self, instance: Ninja, estate: Estate) -> None:
        instance.identity.applications.clear()
        seen: list[str] = []

        async with source(instance) as opened:
            with pytest.raises(SettingsInvalid, match="'client_id', or 'instance'"):
                await _stages(opened, seen)

        assert seen == ["address"]

    async def test_says_that_something_else_answers(
        self, instance: Ninja, certificates: Certificates
    ) -> None:
        async def welcome(_request: Request) -> Response:
            return PlainTextResponse("It works!")

        page = Starlette(routes=[Route("/{path:path}", welcome)])
        said = r"is not NinjaOne's interface .*correct 'instance'"
        async with serving(page, certificates) as elsewhere, source(instance, instance=elsewhere) as opened:
            with pytest.raises(SettingsInvalid, match=said):
                await _stages(opened, [])


async def _stages(opened: NinjaOneSource, seen: list[str]) -> None:
    """Check, noting each stage that succeeded."""
    async for step in opened.check():
        seen.append(step.stage)  # noqa: PERF401  the list is wanted although the last stage raises


def _hurried(monkeypatch: pytest.MonkeyPatch) -> HurriedClock:
    clock = HurriedClock()
    monkeypatch.setattr(sources, "SystemClock", lambda: clock)
    return clock
