"""The entra-id connector against a stand-in that refuses what Microsoft documents to be refused."""

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from halo_agent.connectors.entra_id import source as sources
from halo_agent.engine.records import Place, Reference, Role
from halo_sandbox.services.certificates import Certificates
from halo_shared.certificates import SEEN
from halo_shared.entities import EntityKind
from halo_shared.errors import (
    ConfigurationError,
    CredentialRefused,
    IncompleteRead,
    PermissionMissing,
    RateLimited,
    SettingsInvalid,
    SourceUnavailable,
)
from tests.support.entra import (
    ALL,
    BOARD,
    CLIENT,
    NIGHT,
    SALES,
    TENANT,
    populate,
    read,
    source,
)
from tests.support.graph.directory import GraphDirectory, guid
from tests.support.graph.server import Graph, graph
from tests.support.sources import SECRET, HurriedClock, Secrets


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.fresh(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def cloud(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Graph]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    async with graph(certificates) as running:
        yield running


@pytest.fixture
def contoso(cloud: Graph) -> GraphDirectory:
    return populate(cloud)


class TestAFullRead:
    async def test_gives_everybody_once_and_where_changes_start(
        self, cloud: Graph, contoso: GraphDirectory
    ) -> None:
        async with source(cloud) as opened:
            everything = await read(opened)

        assert set(everything.records) == set(contoso.collections["users"])
        assert everything.end.full
        assert everything.end.cursor

    async def test_pages_to_the_last(self, cloud: Graph) -> None:
        populate(cloud, people=2_100)

        async with source(cloud) as opened:
            everything = await read(opened)

        assert len(everything.records) == 2_100
        assert len([asked for asked in cloud.requests if asked.startswith("/v1.0/users?")]) == 3

    async def test_asks_for_no_more_than_the_mapping_needs(
        self, cloud: Graph, contoso: GraphDirectory
    ) -> None:
        async with source(cloud) as opened:
            everything = await read(opened, EntityKind.USERS, "MAIL", "no such thing")

        one = everything.records[guid(1)]
        assert set(one.attributes) == {*("tenant", "id", "displayName", "accountEnabled", "userType", "mail")}

    async def test_names_managers_and_who_is_disabled(self, cloud: Graph, contoso: GraphDirectory) -> None:
        contoso.put("users", guid(2), accountEnabled=False)

        async with source(cloud) as opened:
            everything = await read(opened)

        assert everything.records[guid(1)].references == ()
        assert everything.records[guid(3)].references == (Reference(Role.MANAGER, EntityKind.USERS, guid(1)),)
        assert [id_ for id_, one in everything.records.items() if not one.active] == [guid(2)]

    async def test_flattens_extension_attributes(self, cloud: Graph, contoso: GraphDirectory) -> None:
        contoso.put("users", guid(1), onPremisesExtensionAttributes={"extensionAttribute7": "B4"})

        async with source(cloud) as opened:
            everything = await read(opened, EntityKind.USERS, "extensionAttribute7")

        assert everything.records[guid(1)].attributes["extensionAttribute7"] == "B4"

    async def test_names_licences_by_their_products(self, cloud: Graph, contoso: GraphDirectory) -> None:
        contoso.put("subscribedSkus", "e3", skuId="e3", skuPartNumber="ENTERPRISEPACK")
        contoso.put("users", guid(1), assignedLicenses=[{"skuId": "e3"}, {"skuId": "f1"}])

        async with source(cloud) as opened:
            everything = await read(opened, EntityKind.USERS, "licences")

        assert everything.records[guid(1)].attributes["licences"] == ("ENTERPRISEPACK", "f1")

    async def test_a_directory_without_a_user_is_no_proof_that_all_have_left(self, cloud: Graph) -> None:
        populate(cloud, people=0)

        async with source(cloud) as opened:
            with pytest.raises(IncompleteRead, match="no user at all"):
                await read(opened)


class TestScope:
    async def test_guests_stay_out_unless_they_are_asked_for(
        self, cloud: Graph, contoso: GraphDirectory
    ) -> None:
        contoso.put("users", guid(4), userType="Guest")

        async with source(cloud) as opened:
            without = await read(opened)
        async with source(cloud, users={"guests": True}) as opened:
            with_guests = await read(opened)

        assert set(with_guests.records) - set(without.records) == {guid(4)}

    async def test_groups_count_with_the_groups_in_them(self, cloud: Graph, contoso: GraphDirectory) -> None:
        contoso.group(NIGHT, "Night shift", guid(3))
        contoso.group(SALES, "Sales", guid(1), guid(2), NIGHT)
        contoso.group(BOARD, "Board", guid(2))

        async with source(
            cloud, users={"groups": ["Sales"], "exclude_groups": [BOARD], "roles_from": ["Night shift"]}
        ) as opened:
            everything = await read(opened)

        assert set(everything.records) == {guid(1), guid(3)}
        assert everything.records[guid(3)].attributes["groups"] == ("Night shift",)
        assert "groups" not in everything.records[guid(1)].attributes

    async def test_conditions_on_properties_the_mapping_does_not_read(
        self, cloud: Graph, contoso: GraphDirectory
    ) -> None:
        where = [{"attribute": "Department", "values": ["sal*"]}]

        async with source(cloud, users={"where": where}) as opened:
            everything = await read(opened, EntityKind.USERS, "mail")

        assert set(everything.records) == {guid(number) for number in (1, 3, 5, 7, 9)}

    async def test_a_group_that_is_not_there_is_named(self, cloud: Graph, contoso: GraphDirectory) -> None:
        async with source(cloud, users={"groups": ["Sails"]}) as opened:
            with pytest.raises(SettingsInvalid, match="no groups named 'Sails'"):
                await read(opened)


class TestADelta:
    async def test_of_nothing_new_is_one_request_and_no_record(
        self, cloud: Graph, contoso: GraphDirectory
    ) -> None:
        async with source(cloud) as opened:
            before = await read(opened)
            cloud.requests.clear()
            after = await read(opened, since=before)

        assert after.items == [after.end]
        assert not after.end.full
        assert len(cloud.requests) == 1

    async def test_gives_whole_records_of_what_changed(self, cloud: Graph, contoso: GraphDirectory) -> None:
        async with source(cloud) as opened:
            before = await read(opened)
            contoso.put("users", guid(2), mail="new@contoso.example")
            contoso.put("users", guid(99), displayName="Newcomer", mail="n@contoso.example")
            after = await read(opened, since=before)

        assert set(after.records) == {guid(2), guid(99)}
        assert after.records[guid(2)].attributes["mail"] == "new@contoso.example"
        assert after.records[guid(2)].references == (Reference(Role.MANAGER, EntityKind.USERS, guid(1)),)

    async def test_sees_a_new_manager(self, cloud: Graph, contoso: GraphDirectory) -> None:
        async with source(cloud) as opened:
            before = await read(opened)
            contoso.put("users", guid(5), manager=guid(2))
            after = await read(opened, since=before)

        assert after.records[guid(5)].references == (Reference(Role.MANAGER, EntityKind.USERS, guid(2)),)

    async def test_what_nobody_reads_is_no_change(self, cloud: Graph, contoso: GraphDirectory) -> None:
        async with source(cloud) as opened:
            before = await read(opened)
            contoso.put("users", guid(2), mobilePhone="+31 6 1")
            after = await read(opened, since=before)

        assert after.records == {}

    async def test_deletions_are_proved_and_a_restored_user_is_back(
        self, cloud: Graph, contoso: GraphDirectory
    ) -> None:
        async with source(cloud) as opened:
            before = await read(opened)
            restored = contoso.collections["users"][guid(4)].copy()
            contoso.remove("users", guid(2))
            contoso.remove("users", guid(3), reason="deleted")
            contoso.remove("users", guid(4))
            contoso.put("users", guid(4), **restored)
            after = await read(opened, since=before)

        assert set(after.gone) | set(after.records) == {guid(2), guid(3), guid(4)}
        assert "restored" in after.gone[guid(2)]
        assert "for good" in after.gone[guid(3)]

    async def test_the_same_object_several_times_is_given_once(
        self, cloud: Graph, contoso: GraphDirectory
    ) -> None:
        async with source(cloud) as opened:
            before = await read(opened)
            for number in range(100):
                contoso.put("users", guid(2), department=f"D{number}")
            after = await read(opened, since=before)

        assert [item.id for item in after.items[:-1]] == [guid(2)]  # type: ignore[union-attr]  # they are records
        assert after.records[guid(2)].attributes["department"] == "D99"

    async def test_replayed_it_gives_the_same(self, cloud: Graph, contoso: GraphDirectory) -> None:
        async with source(cloud) as opened:
            before = await read(opened)
            contoso.put("users", guid(2), mail="new@contoso.example")
            once = await read(opened, since=before)
            again = await read(opened, since=before)

        assert again.records == once.records

    async def test_leaving_the_scope_is_leaving(self, cloud: Graph, contoso: GraphDirectory) -> None:
        where = [{"attribute": "department", "values": ["Sales"]}]

        async with source(cloud, users={"where": where}) as opened:
            before = await read(opened)
            contoso.put("users", guid(1), department="Kitchen")
            after = await read(opened, since=before)

        assert after.gone == {guid(1): "left the scope: its department is not Sales"}

    async def test_a_change_of_members_reads_everything_and_says_why(
        self, cloud: Graph, contoso: GraphDirectory
    ) -> None:
        contoso.group(SALES, "Sales", guid(1), guid(2))

        async with source(cloud, users={"groups": ["Sales"]}) as opened:
            before = await read(opened)
            contoso.group(SALES, "Sales", guid(2), guid(3))
            after = await read(opened, since=before)

        assert set(after.records) == {guid(2), guid(3)}
        assert after.end.full
        assert len(after.remarks) == 1
        assert "the members of 'Sales' in contoso.example have changed" in after.remarks[0]

    async def test_a_link_that_is_too_old_reads_everything_and_says_why(
        self, cloud: Graph, contoso: GraphDirectory
    ) -> None:
        async with source(cloud) as opened:
            before = await read(opened)
            cloud.forget_rounds()
            contoso.remove("users", guid(2))
            after = await read(opened, since=before)
            further = await read(opened, since=after)

        assert after.end.full
        assert guid(2) not in after.records
        assert "Microsoft no longer knows what was read last time" in after.remarks[0]
        assert further.items == [further.end]

    async def test_very_many_changes_read_everything(
        self, cloud: Graph, contoso: GraphDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sources, "MANY", 5)

        async with source(cloud) as opened:
            before = await read(opened)
            for number in range(1, 8):
                contoso.put("users", guid(number), department="Moved")
            after = await read(opened, since=before)

        assert after.end.full
        assert "7 have changed" in after.remarks[0]

    async def test_a_link_to_somewhere_else_gets_no_token(
        self, cloud: Graph, contoso: GraphDirectory
    ) -> None:
        async with source(cloud) as opened:
            before = await read(opened)
            elsewhere = str(before.end.cursor).replace(cloud.url, "https://evil.example")
            before.items[-1] = replace(before.end, cursor=elsewhere)
            with pytest.raises(SettingsInvalid, match=r"evil\.example, which is not this cloud's Graph"):
                await read(opened, since=before)


class TestSeveralDirectories:
    async def test_each_is_read_by_its_own_application_into_its_own_place(
        self, cloud: Graph, contoso: GraphDirectory
    ) -> None:
        populate(cloud, "fabrikam.example", people=3, first=1_001)
        directories = [
            {"tenant": TENANT, "client_id": CLIENT, "client_secret": "secret://entra"},
            {
                "tenant": "fabrikam.example",
                "client_id": CLIENT,
                "client_secret": "secret://entra",
                "place": {"client": "Fabrikam", "site": "Main"},
            },
        ]

        async with source(cloud, directories=directories) as opened:
            before = await read(opened)
            cloud.directories["fabrikam.example"].put("users", guid(1_002), mail="x@fabrikam.example")
            after = await read(opened, since=before)

        assert len(before.records) == 13
        assert before.records[guid(1_001)].place == Place("Fabrikam", "Main")
        assert before.records[guid(1)].place is None
        assert set(after.records) == {guid(1_002)}

    async def test_one_more_reads_everything(self, cloud: Graph, contoso: GraphDirectory) -> None:
        populate(cloud, "fabrikam.example", people=3, first=1_001)
        one = {"tenant": TENANT, "client_id": CLIENT, "client_secret": "secret://entra"}

        async with source(cloud) as opened:
            before = await read(opened)
        async with source(cloud, directories=[one, {**one, "tenant": "fabrikam.example"}]) as opened:
            after = await read(opened, since=before)

        assert after.end.full
        assert "no earlier read of the same directories" in after.remarks[0]


class TestDevices:
    async def test_of_intune_are_all_read_with_their_users(
        self, cloud: Graph, contoso: GraphDirectory
    ) -> None:
        contoso.put("managedDevices", guid(500), deviceName="LT-1", serialNumber="S1", userId=guid(1))

        async with source(cloud) as opened:
            before = await read(opened, EntityKind.ASSETS, "serialNumber")
            after = await read(opened, EntityKind.ASSETS, "serialNumber", since=before)

        laptop = before.records[guid(500)]
        assert laptop.name == "LT-1"
        assert laptop.attributes["serialNumber"] == "S1"
        assert laptop.references == (Reference(Role.USER, EntityKind.USERS, guid(1)),)
        assert after.end.full
        assert "Microsoft tells no changes" in after.remarks[0]

    async def test_of_the_directory_have_deltas(self, cloud: Graph, contoso: GraphDirectory) -> None:
        contoso.put("devices", guid(600), displayName="PC-1", operatingSystem="Windows", accountEnabled=True)
        contoso.put("devices", guid(601), displayName="PC-2", operatingSystem="Windows", accountEnabled=False)

        async with source(cloud, devices="entra") as opened:
            before = await read(opened, EntityKind.ASSETS, "operatingSystem")
            contoso.remove("devices", guid(601))
            after = await read(opened, EntityKind.ASSETS, "operatingSystem", since=before)

        assert [one.active for one in before.records.values()] == [True, False]
        assert set(after.gone) == {guid(601)}

    async def test_sites_are_not_to_be_had(self, cloud: Graph, contoso: GraphDirectory) -> None:
        async with source(cloud) as opened:
            with pytest.raises(ConfigurationError, match="take sites out of 'entities'"):
                await read(opened, EntityKind.SITES)


class TestSigningIn:
    @pytest.mark.parametrize(
        ("change", "error", "words"),
        [
            ({"secret": "another"}, CredentialRefused, "the client secret of application .* is wrong"),
            ({"secret_expired": True}, CredentialRefused, "has expired"),
            ({"client_id": guid(7)}, SettingsInvalid, "is not in tenant contoso.example"),
            ({"tenant": "other.example"}, SettingsInvalid, "there is no tenant contoso.example"),
        ],
    )
    async def test_a_refusal_says_what_to_do(
        self,
        cloud: Graph,
        contoso: GraphDirectory,
        change: dict[str, object],
        error: type[ConfigurationError],
        words: str,
    ) -> None:
        applications = cloud.identity.applications
        applications[0] = replace(applications[0], **change)  # type: ignore[arg-type]  # as the table says

        async with source(cloud) as opened:
            with pytest.raises(error, match=words) as raised:
                await read(opened)

        assert SECRET not in f"{raised.value} {raised.value.detail}"

    async def test_a_token_that_ran_out_is_renewed(self, cloud: Graph) -> None:
        populate(cloud, people=12)

        async with source(cloud) as opened:
            await read(opened)
            cloud.identity.given.clear()  # as if every token had ended at once
            again = await read(opened)

        assert len(again.records) == 12

    async def test_a_certificate_proves_as_well(
        self, cloud: Graph, contoso: GraphDirectory, tmp_path: Path
    ) -> None:
        file, certificate = _certificate(tmp_path, passphrase=b"open sesame")
        applications = cloud.identity.applications
        applications[0] = replace(applications[0], secret="", certificate=certificate)
        by_certificate = {
            "tenant": TENANT,
            "client_id": CLIENT,
            "certificate": {"file": str(file), "passphrase": "secret://key"},
        }

        async with source(cloud, Secrets(key="open sesame"), directories=[by_certificate]) as opened:
            assert len((await read(opened)).records) == 10
        ends = {(one.of, one.address): one.ends for one in SEEN.nearest()}
        assert ends[f"application {CLIENT}", str(file)] == certificate.not_valid_after_utc
        assert ("Microsoft", "localhost") in ends
        async with source(cloud, Secrets(key="wrong"), directories=[by_certificate]) as opened:
            with pytest.raises(SettingsInvalid, match="'passphrase' must be given when"):
                await read(opened)

    async def test_a_certificate_that_the_application_does_not_know(
        self, cloud: Graph, contoso: GraphDirectory, tmp_path: Path
    ) -> None:
        file, _ = _certificate(tmp_path)
        directory = {"tenant": TENANT, "client_id": CLIENT, "certificate": {"file": str(file)}}

        async with source(cloud, directories=[directory]) as opened:
            with pytest.raises(CredentialRefused, match="does not know this certificate"):
                await read(opened)


class TestRefusals:
    async def test_a_missing_right_is_named(self, cloud: Graph, contoso: GraphDirectory) -> None:
        applications = cloud.identity.applications
        applications[0] = replace(applications[0], permissions=ALL - {"User.Read.All"})

        async with source(cloud) as opened:
            with pytest.raises(PermissionMissing, match=r"application permission User\.Read\.All"):
                await read(opened)

    async def test_patience_is_given_when_it_is_asked_for(
        self, cloud: Graph, contoso: GraphDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = _hurried(monkeypatch)
        cloud.throttled = [30, 7]

        async with source(cloud) as opened:
            everything = await read(opened)

        assert len(everything.records) == 10
        assert clock.slept >= 37

    async def test_too_long_a_wait_is_left_to_the_next_run(
        self, cloud: Graph, contoso: GraphDirectory
    ) -> None:
        cloud.throttled = [900]

        async with source(cloud) as opened:
            with pytest.raises(RateLimited) as raised:
                await read(opened)

        assert raised.value.retry_after == 900

    async def test_a_passing_fault_passes_and_a_lasting_one_is_told(
        self, cloud: Graph, contoso: GraphDirectory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _hurried(monkeypatch)
        cloud.failing = [503, 502]

        async with source(cloud) as opened:
            assert len((await read(opened)).records) == 10
            cloud.failing = [503] * 20
            with pytest.raises(SourceUnavailable, match="status 503"):
                await read(opened)


async def test_a_check_shows_each_directory_and_what_may_be_read(
    cloud: Graph, contoso: GraphDirectory
) -> None:
    contoso.group(SALES, "Sales", guid(1), guid(2))

    async with source(cloud, users={"groups": ["Sales"]}) as opened:
        steps = {step.stage: step.found async for step in opened.check()}

    assert "Person 1" in steps["users of contoso.example"]
    assert steps["group 'Sales' of contoso.example"].startswith("2 users")
    assert steps["deviceManagement/managedDevices of contoso.example"] == "may be read, and has none"


def _hurried(monkeypatch: pytest.MonkeyPatch) -> HurriedClock:
    clock = HurriedClock()
    monkeypatch.setattr(sources, "SystemClock", lambda: clock)
    return clock


def _certificate(folder: Path, *, passphrase: bytes | None = None) -> tuple[Path, x509.Certificate]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "halo")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    encryption = (
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    )
    file = folder / "application.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file, certificate
