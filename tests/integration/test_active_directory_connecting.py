"""The way into a real domain controller, and every way not to get in."""

import asyncio
import datetime
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from halo_agent.connectors import CheckStep
from halo_agent.connectors.active_directory.settings import ActiveDirectorySettings
from halo_agent.engine.records import Remark
from halo_sandbox.services import domain_controller as domains
from halo_sandbox.services import domain_ldif
from halo_sandbox.services.certificates import Certificates
from halo_sandbox.services.domain_controller import PrivateDomain, private_domain
from halo_sandbox.services.domain_template import StrongAuth
from halo_sandbox.services.people import people
from halo_sandbox.services.processes import free_ports
from halo_shared.entities import EntityKind
from halo_shared.errors import (
    CredentialRefused,
    HaloIntegratorError,
    SettingsInvalid,
    SourceUnavailable,
)
from tests.contract.source import ids, read
from tests.support import dns
from tests.support.active_directory import opened_source, settings_of
from tests.support.services import needed

USERS = EntityKind.USERS
WINDOWS_EPOCH = datetime.datetime(1601, 1, 1, tzinfo=datetime.UTC)
BY_PASSWORD = {"account": None, "password": None}


async def checked(domain: PrivateDomain, /, **changes: Any) -> list[CheckStep]:
    async with opened_source(domain, settings_of(domain, **changes)) as source:
        return [step async for step in source.check()]


async def failure(
    domain: PrivateDomain, /, *, typed: str | None = None, **changes: Any
) -> HaloIntegratorError:
    """The one error in which reading and checking end alike."""
    async with opened_source(domain, settings_of(domain, **changes), password=typed) as source:
        with pytest.raises(HaloIntegratorError) as of_read:
            await read(source, USERS)
        with pytest.raises(type(of_read.value)) as of_check:
            [step async for step in source.check()]
    assert of_check.value.message == of_read.value.message
    return of_read.value


@pytest.fixture
def kerberos(domain: PrivateDomain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Settings that sign in as the reader by a keytab."""
    monkeypatch.setenv("KRB5_CONFIG", str(domain.krb5_conf))
    monkeypatch.setenv("KRB5CCNAME", str(tmp_path / "tickets"))
    keytab = domain.keytab(tmp_path / "reader.keytab", "halo-reader")
    return {**BY_PASSWORD, "kerberos": {"principal": f"halo-reader@{domain.realm}", "keytab": keytab}}


async def test_a_check_shows_each_stage_from_the_controllers_to_a_few_people(domain: PrivateDomain) -> None:
    steps = await checked(domain)

    assert [step.stage for step in steps] == [
        "find", "connect", "encrypt", "sign in", "domain", "read users", "changes",
    ]  # fmt: skip
    shown = {step.stage: step.found for step in steps}
    assert "halo-sandbox private authority" in shown["encrypt"]
    assert "example.test on dc1.example.test, site Default-First-Site-Name" in shown["domain"]


@pytest.mark.parametrize("security", ["ldaps", "starttls"])
async def test_a_password_goes_inside_tls_only(domain: PrivateDomain, security: str) -> None:
    async with opened_source(domain, settings_of(domain, security=security)) as source:
        assert len(ids(await read(source, USERS))) > 300


@pytest.mark.parametrize("security", ["ldaps", "starttls", "sealed"])
async def test_kerberos_signs_in_by_a_keytab(
    domain: PrivateDomain, kerberos: dict[str, Any], security: str
) -> None:
    async with opened_source(domain, settings_of(domain, **kerberos, security=security)) as source:
        assert len(ids(await read(source, USERS))) > 300


async def test_kerberos_signs_in_as_the_machine(domain: PrivateDomain, kerberos: dict[str, Any]) -> None:
    kerberos["kerberos"]["keytab"] = domain.keytab(Path(kerberos["kerberos"]["keytab"]), "DC1$")
    kerberos["kerberos"]["principal"] = f"DC1$@{domain.realm}"

    steps = await checked(domain, **kerberos, security="sealed")

    assert CheckStep("sign in", f"as DC1$@{domain.realm}") in steps


async def test_kerberos_says_that_the_keytab_is_missing(
    domain: PrivateDomain, kerberos: dict[str, Any], tmp_path: Path
) -> None:
    kerberos["kerberos"]["keytab"] = tmp_path / "none"
    error = await failure(domain, **kerberos)

    assert isinstance(error, CredentialRefused)
    assert "keytab" in error.message


async def test_kerberos_says_that_no_key_service_answers(
    domain: PrivateDomain, kerberos: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    elsewhere = tmp_path / "krb5.conf"
    elsewhere.write_text(domain.krb5_conf.read_text().replace(f"{domain.address}:88", f"127.0.0.1:{port}"))
    monkeypatch.setenv("KRB5_CONFIG", str(elsewhere))

    error = await failure(domain, **kerberos)

    assert isinstance(error, SourceUnavailable)
    assert "port 88" in error.message


async def test_a_controller_refuses_a_password_in_clear(domain: PrivateDomain) -> None:
    error = await failure(domain, security="plain", allow_plain=True)

    assert isinstance(error, SettingsInvalid)
    assert "requires signing" in error.message
    assert "ldaps" in error.message


async def test_where_clear_text_is_allowed_every_read_says_so() -> None:
    with needed():
        async with (
            private_domain(people(5), strong_auth=StrongAuth.NONE) as lax,
            opened_source(lax, settings_of(lax, security="plain", allow_plain=True)) as source,
        ):
            items = await read(source, USERS)

    (remark,) = [item for item in items if isinstance(item, Remark)]
    assert "not encrypted" in remark.text


async def test_kerberos_inside_tls_where_signing_is_required_points_to_sealing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with needed():
        async with private_domain(people(5), strong_auth=StrongAuth.SIGNED) as strict:
            monkeypatch.setenv("KRB5_CONFIG", str(strict.krb5_conf))
            monkeypatch.setenv("KRB5CCNAME", str(tmp_path / "tickets"))
            keytab = strict.keytab(tmp_path / "reader.keytab", "halo-reader")
            by_key = {"principal": f"halo-reader@{strict.realm}", "keytab": keytab}
            error = await failure(strict, **BY_PASSWORD, kerberos=by_key)
            async with opened_source(
                strict, settings_of(strict, **BY_PASSWORD, kerberos=by_key, security="sealed")
            ) as source:
                assert ids(await read(source, USERS))

    assert isinstance(error, SettingsInvalid)
    assert "security: sealed" in error.message


async def test_an_unknown_authority_is_named(domain: PrivateDomain, tmp_path: Path) -> None:
    other = Certificates.fresh(tmp_path)
    error = await failure(domain, ca_file=other.authority)

    assert isinstance(error, SettingsInvalid)
    assert "'halo-sandbox private authority', which is not trusted" in error.message
    assert "ca_file" in error.message


async def test_a_certificate_for_another_name_is_refused(domain: PrivateDomain) -> None:
    async with dns.serving({("dc9.example.test.", "A"): [domain.address]}) as server:
        error = await failure(domain, controllers=["dc9.example.test"], dns_servers=[server])

    assert isinstance(error, SettingsInvalid)
    assert "made out to other names: dc1.example.test" in error.message


async def test_tls_on_a_port_without_it_says_so(domain: PrivateDomain) -> None:
    error = await failure(domain, port=389)

    assert "TLS" in error.message
    assert "port" in error.message


async def test_a_port_where_nobody_listens_says_so(domain: PrivateDomain) -> None:
    error = await failure(domain, port=6360)

    assert isinstance(error, SourceUnavailable)
    assert "refuses connections" in error.message
    assert "636" in error.message


async def test_a_port_that_speaks_something_else_says_so(domain: PrivateDomain) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for security in ("ldaps", "starttls"):
            error = await failure(domain, controllers=[f"127.0.0.1:{port}"], security=security)
            assert isinstance(error, SettingsInvalid | SourceUnavailable)


async def test_another_domain_s_controller_is_not_read(domain: PrivateDomain) -> None:
    error = await failure(domain, domain="other.test")

    assert isinstance(error, SettingsInvalid)
    assert "'example.test' and not of 'other.test'" in error.message


async def test_a_wrong_password_is_told_from_an_unknown_account(domain: PrivateDomain) -> None:
    wrong = await failure(domain, typed="not-it")
    assert isinstance(wrong, CredentialRefused)
    assert "the password or the name is wrong" in wrong.message
    assert "52e" in wrong.detail


class TestAccounts:
    """An account that may not sign in, for each reason that Active Directory knows a code for."""

    @pytest.fixture(scope="class")
    @classmethod
    def own_domain(cls) -> Iterator[PrivateDomain]:
        with needed(), domains.serving(people(5)) as private:
            yield private

    @pytest.mark.parametrize(
        ("change", "cure"),
        [
            ("replace: userAccountControl\nuserAccountControl: 514\n", "the account is disabled"),
            ("replace: accountExpires\naccountExpires: 132000000000000000\n", "the account has expired"),
            ("replace: pwdLastSet\npwdLastSet: 0\n", "must be changed before the first sign-in"),
            ("replace: userWorkstations\nuserWorkstations: ELSEWHERE\n", "from this machine"),
        ],
    )
    async def test_says_why_and_what_to_do(self, own_domain: PrivateDomain, change: str, cure: str) -> None:
        name = change.split()[1]
        own_domain.modify(f"dn: {domain_ldif.READER}\nchangetype: modify\n{change}")
        try:
            error = await failure(own_domain)
        finally:
            before = {"userAccountControl": "512", "accountExpires": "0", "pwdLastSet": "-1"}.get(name)
            put_back = f"replace: {name}\n{name}: {before}\n" if before else f"delete: {name}\n"
            own_domain.modify(f"dn: {domain_ldif.READER}\nchangetype: modify\n{put_back}")

        assert isinstance(error, CredentialRefused)
        assert cure in error.message

    async def test_a_locked_account_is_told_from_a_wrong_password(self, own_domain: PrivateDomain) -> None:
        own_domain.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=1")
        try:
            async with opened_source(own_domain, settings_of(own_domain), password="not-it") as source:
                with pytest.raises(CredentialRefused, match="is wrong"):
                    await read(source, USERS)
            error = await failure(own_domain)
        finally:
            own_domain.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=0")
            own_domain.tool("user", "unlock", "halo-reader")

        assert isinstance(error, CredentialRefused)
        assert "locked" in error.message


@pytest.fixture
async def announced(domain: PrivateDomain) -> AsyncIterator[str]:
    """The address of a DNS server that knows the domain: a dead controller for all, a living one for the branch."""
    zone = {
        ("_ldap._tcp.dc._msdcs.example.test.", "SRV"): ["0 100 389 dead.example.test."],
        ("_ldap._tcp.branch._sites.dc._msdcs.example.test.", "SRV"): ["0 100 389 dc1.example.test."],
        ("_ldap._tcp.dc._msdcs.silent.test.", "A"): ["127.0.0.1"],
        ("dc1.example.test.", "A"): [domain.address],
        ("dead.example.test.", "A"): ["127.0.0.1"],
    }
    async with dns.serving(zone) as server:
        yield server


async def test_the_site_s_controllers_come_first(domain: PrivateDomain, announced: str) -> None:
    steps = await checked(domain, controllers=[], dns_servers=[announced], site="branch")

    assert steps[0] == CheckStep("find", "dc1.example.test, dead.example.test")
    assert steps[1].found == "dc1.example.test answers on port 636"


async def test_a_dead_controller_is_passed_over_and_named(domain: PrivateDomain, announced: str) -> None:
    changes = {"controllers": ["dead.example.test", "dc1.example.test"], "dns_servers": [announced]}
    steps = await checked(domain, **changes, port=636)
    assert steps[1].stage == "pass over 1"

    async with opened_source(domain, settings_of(domain, **changes)) as source:
        items = await read(source, USERS)
    (remark,) = [item for item in items if isinstance(item, Remark)]
    assert "dead.example.test" in remark.text
    assert len(ids(items)) > 300


async def test_a_domain_that_dns_does_not_know_is_named(domain: PrivateDomain, announced: str) -> None:
    error = await failure(domain, controllers=[], domain="silent.test", dns_servers=[announced])

    assert isinstance(error, SettingsInvalid)
    assert "'silent.test'" in error.message
    assert "dns_servers" in error.message


async def test_when_no_controller_can_be_used_each_says_why(domain: PrivateDomain) -> None:
    (one, other) = free_ports(2)
    error = await failure(domain, controllers=[f"127.0.0.1:{one}", f"127.0.0.1:{other}"])

    assert str(one) in error.message
    assert str(other) in error.message


def test_settings_name_what_is_wrong(domain: PrivateDomain) -> None:
    for changes, word in (
        ({"security": "plain"}, "allow_plain"),
        ({"security": "sealed"}, "kerberos"),
        ({"account": "halo-reader"}, "of which domain"),
        ({"password": None}, "needed together"),
        ({"scope": [{"ou": "People"}]}, "browse"),
        ({"scope": [{"filter": "(mail=*"}]}, "missing"),
    ):
        with pytest.raises(ValueError, match=word):
            settings_of(domain, **changes)


def test_the_settings_describe_themselves() -> None:
    properties = ActiveDirectorySettings.model_json_schema()["properties"]

    assert all(one.get("description") for one in properties.values())
