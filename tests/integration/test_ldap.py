"""The ldap connector and a real directory, with all that can go wrong between them."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from pathlib import Path
from socket import create_server
from typing import Any

import pytest
from pydantic import SecretStr

from halo_agent.connectors import CheckedSource
from halo_agent.connectors.ldap.client import Client
from halo_agent.connectors.ldap.settings import LdapSettings
from halo_agent.engine.ports import SourceItem, Wanted
from halo_agent.engine.records import Finished, SourceRecord, UnreadableRecord
from halo_sandbox.services import directory as directories
from halo_sandbox.services import processes
from halo_sandbox.services.directory import PrivateDirectory, private_directory
from halo_sandbox.services.people import people
from halo_shared.entities import EntityKind
from halo_shared.errors import (
    ConfigurationError,
    CredentialRefused,
    HaloIntegratorError,
    IncompleteRead,
    SettingsInvalid,
    SourceUnavailable,
)
from tests.contract.source import only_these_are_open, opened, read
from tests.support.ldap import opened_source, settings_of

USERS = EntityKind.USERS
Stranger = Callable[..., AbstractAsyncContextManager[LdapSettings]]


async def records(directory: PrivateDirectory, **changes: Any) -> list[SourceRecord]:
    """The users that a whole read finds."""
    async with opened_source(directory, settings_of(directory, **changes)) as source:
        items = await read(source, USERS)
    assert items[-1] == Finished(full=True)
    return [item for item in items if isinstance(item, SourceRecord)]


async def failure(
    directory: PrivateDirectory, *, password: str | None = None, **changes: Any
) -> HaloIntegratorError:
    """The one error in which reading and checking end alike."""
    async with opened_source(directory, settings_of(directory, **changes), password=password) as source:
        with pytest.raises(HaloIntegratorError) as of_read:
            await read(source, USERS)
        with pytest.raises(type(of_read.value)) as of_check:
            [step async for step in source.check()]
    assert of_check.value.message == of_read.value.message
    return of_read.value


class TestReading:
    async def test_everybody_is_read_as_the_directory_has_them(self, directory: PrivateDirectory) -> None:
        found = {record.attributes["uid"]: record for record in await records(directory)}

        assert len(found) == 1_200
        for person in people(1_200):
            record = found[person.uid]
            assert record.name == person.cn
            assert record.attributes.get("mail") == person.mail
            assert record.attributes["telephoneNumber"] == person.telephone_number
            assert record.attributes["title"] == person.title
            assert record.active is not person.disabled

    @pytest.mark.parametrize("plain", [{}, {"starttls": False, "allow_plain": True}])
    async def test_starttls_and_plain_read_the_same(
        self, directory: PrivateDirectory, plain: dict[str, bool]
    ) -> None:
        encrypted = await records(directory)

        assert await records(directory, url=directory.url, **plain) == encrypted

    async def test_a_user_without_the_id_is_listed_with_its_dn(self, directory: PrivateDirectory) -> None:
        async with opened_source(directory, settings_of(directory, id_attribute="mail")) as source:
            items = await read(source, USERS)

        without = {
            f"uid={person.uid},ou=people,{directory.base}" for person in people(1_200) if not person.mail
        }
        assert {item.place for item in items if isinstance(item, UnreadableRecord)} == without
        assert items[-1] == Finished(full=True)

    async def test_a_second_user_with_the_same_id_is_listed(self, directory: PrivateDirectory) -> None:
        async with opened_source(directory, settings_of(directory, id_attribute="sn")) as source:
            items = await read(source, USERS)

        names = {person.sn for person in people(1_200)}
        repeated = [item for item in items if isinstance(item, UnreadableRecord)]
        assert len([item for item in items if isinstance(item, SourceRecord)]) == len(names)
        assert len(repeated) == 1_200 - len(names)
        assert all("another user has the same sn" in item.reason for item in repeated)

    async def test_another_kind_is_refused(self, directory: PrivateDirectory) -> None:
        async with opened_source(directory, settings_of(directory)) as source:
            with pytest.raises(ConfigurationError, match="take assets out of 'entities'"):
                await read(source, EntityKind.ASSETS)


ODD = """\
dn: cn=Room #5\\, \\"west\\"\\+1,ou=people,dc=example,dc=org
changetype: add
objectClass: inetOrgPerson
cn: Room #5, "west"+1
sn: TRUE
employeeNumber: 1_000
telephoneNumber: +442079460000
mail: b@example.org
mail: a@example.org
title;lang-de: 17
jpegPhoto:: /9j/4AAQSkZJRgD/

"""
ELSEWHERE = """\
dn: cn=elsewhere,dc=example,dc=org
changetype: add
objectClass: referral
objectClass: extensibleObject
cn: elsewhere
ref: ldap://192.0.2.1/dc=example,dc=net
"""


class TestOddities:
    async def test_values_stay_text_and_no_name_is_too_odd(self) -> None:
        async with private_directory(people(3)) as directory:
            await directory.modify(ODD)
            attributes = ["sn", "employeeNumber", "telephoneNumber", "mail", "title", "jpegPhoto"]
            found = await records(directory, attributes=attributes)

        odd = next(record for record in found if record.name.startswith("Room"))
        assert len(found) == 4
        assert odd.name == 'Room #5, "west"+1'
        assert odd.attributes["sn"] == "TRUE"
        assert odd.attributes["employeeNumber"] == "1_000"
        assert odd.attributes["telephoneNumber"] == "+442079460000"
        assert odd.attributes["mail"] == ("b@example.org", "a@example.org")
        assert not {"title", "jpegPhoto"} & set(odd.attributes)

    async def test_a_branch_that_is_elsewhere_is_never_taken_for_empty(self) -> None:
        async with private_directory(people(3)) as directory:
            await directory.modify(ELSEWHERE)
            around = await failure(directory)
            itself = await failure(directory, base=f"cn=elsewhere,{directory.base}")
            beside = await records(directory, base=f"ou=people,{directory.base}")

        assert isinstance(around, IncompleteRead)
        assert "192.0.2.1" in around.message
        assert isinstance(itself, SettingsInvalid)
        assert len(beside) == 3

    async def test_a_referral_to_an_odd_host_is_one_too(self) -> None:
        async with private_directory(people(3)) as directory:
            await directory.modify(ELSEWHERE.replace("192.0.2.1", "other_host"))
            error = await failure(directory)

        assert isinstance(error, IncompleteRead)
        assert "other_host" in error.message

    async def test_a_size_limit_ends_in_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        limited = directories.CONFIGURATION.replace("size.prtotal=unlimited", "size.prtotal=hard")
        monkeypatch.setattr(directories, "CONFIGURATION", limited)

        async with (
            private_directory(people(600)) as directory,
            opened_source(directory, settings_of(directory, page_size=200)) as source,
        ):
            with pytest.raises(IncompleteRead, match="prtotal"):
                await read(source, USERS)


class TestRefusals:
    async def test_a_wrong_password_names_the_account_and_not_the_password(
        self, directory: PrivateDirectory
    ) -> None:
        error = await failure(directory, password="not-the-one")

        assert isinstance(error, CredentialRefused)
        assert directory.bind_dn in error.message
        assert "not-the-one" not in error.message + error.detail

    async def test_an_account_that_is_no_dn(self, directory: PrivateDirectory) -> None:
        error = await failure(directory, bind_dn="halo-reader")

        assert isinstance(error, SettingsInvalid)
        assert "bind_dn 'halo-reader' is not a DN" in error.message

    @pytest.mark.parametrize("base", ["ou=persons,dc=example,dc=org", "dc=nowhere"])
    async def test_a_base_that_is_not_there_names_those_that_are(
        self, directory: PrivateDirectory, base: str
    ) -> None:
        error = await failure(directory, base=base)

        assert isinstance(error, SettingsInvalid)
        assert f"no '{base}'" in error.message
        assert f"'{directory.base}'" in error.message

    async def test_a_base_that_is_no_dn(self, directory: PrivateDirectory) -> None:
        error = await failure(directory, base="people")

        assert "base 'people' is not a DN" in error.message

    async def test_a_filter_that_cannot_be_understood(self, directory: PrivateDirectory) -> None:
        error = await failure(directory, filter="(uid~)")

        assert isinstance(error, SettingsInvalid)
        assert "correct 'filter'" in error.message

    async def test_nothing_found_is_not_taken_for_an_empty_company(self, directory: PrivateDirectory) -> None:
        async with opened_source(directory, settings_of(directory, filter="(uid=nobody)")) as source:
            with pytest.raises(IncompleteRead, match=r"nothing matches \(uid=nobody\)"):
                await read(source, USERS)
            with pytest.raises(ConfigurationError, match=r"nothing matches \(uid=nobody\)"):
                [step async for step in source.check()]


class TestTheWay:
    async def test_an_unknown_host(self, directory: PrivateDirectory) -> None:
        error = await failure(directory, url="ldaps://no-such-host.invalid")

        assert isinstance(error, SourceUnavailable)
        assert "No address is known for 'no-such-host.invalid'" in error.message

    async def test_a_port_where_nobody_listens(self, directory: PrivateDirectory) -> None:
        error = await failure(directory, url=f"ldaps://127.0.0.1:{processes.free_ports(1)[0]}")

        assert isinstance(error, SourceUnavailable)
        assert "636 for ldaps:// and 389 for ldap://" in error.message

    @pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
    async def test_a_port_that_is_silent(self, directory: PrivateDirectory, scheme: str) -> None:
        with closing(create_server(("127.0.0.1", 0))) as silent:
            url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
            error = await failure(directory, url=url, timeout="1s")

        assert isinstance(error, SourceUnavailable)
        assert "then is silent" in error.message

    async def test_tls_on_a_port_without(self, directory: PrivateDirectory) -> None:
        error = await failure(directory, url=f"ldaps://127.0.0.1:{directory.port}")

        assert isinstance(error, SourceUnavailable)  # a balancer without a server behind it does the same
        assert f"port {directory.port} of 127.0.0.1 was broken off" in error.message
        assert "usually 636, or use ldap://" in error.message

    @pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
    async def test_a_port_of_something_else(self, directory: PrivateDirectory, scheme: str) -> None:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example.org ESMTP\r\n")
            writer.close()

        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            error = await failure(directory, url=f"{scheme}://127.0.0.1:{port}")

        assert isinstance(error, SettingsInvalid)
        assert f"port {port}" in error.message

    async def test_starttls_on_a_port_that_is_all_tls(self, directory: PrivateDirectory) -> None:
        error = await failure(directory, url=f"ldap://127.0.0.1:{directory.tls_port}")

        assert isinstance(error, SourceUnavailable)
        assert "use ldaps://" in error.message

    @pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
    async def test_an_authority_that_nobody_trusts_is_named(
        self, directory: PrivateDirectory, scheme: str
    ) -> None:
        url = {"ldap": directory.url, "ldaps": directory.ldaps_url}[scheme]
        error = await failure(directory, url=url, ca_file=None)

        assert isinstance(error, SettingsInvalid)
        assert "signed by 'halo-sandbox private authority'" in error.message
        assert "'ca_file'" in error.message

    async def test_a_ca_file_that_is_none(self, directory: PrivateDirectory) -> None:
        missing = await failure(directory, ca_file="/no/such/file.pem")
        other = await failure(directory, ca_file=directory.folder / "slapd.conf")

        assert "ca_file '/no/such/file.pem' is of no use" in missing.message
        assert "slapd.conf' is of no use" in other.message

    async def test_a_certificate_for_another_name(
        self, directory: PrivateDirectory, stranger: Stranger
    ) -> None:
        async with stranger("DNS:other.example.org") as settings:
            error = await failure(directory, url=settings.url, ca_file=settings.ca_file)

        assert isinstance(error, SettingsInvalid)
        assert "made out to other names: other.example.org" in error.message

    async def test_a_certificate_that_has_expired(
        self, directory: PrivateDirectory, stranger: Stranger
    ) -> None:
        async with stranger("IP:127.0.0.1", until="20200102000000Z") as settings:
            error = await failure(directory, url=settings.url, ca_file=settings.ca_file)

        assert isinstance(error, SettingsInvalid)
        assert "has expired: renew it" in error.message


class TestTheDriver:
    """It must hold by itself what was tried on the way: that connection was another one."""

    @pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
    async def test_it_refuses_an_authority_that_nobody_trusts(
        self, directory: PrivateDirectory, scheme: str
    ) -> None:
        url = {"ldap": directory.url, "ldaps": directory.ldaps_url}[scheme]
        settings = settings_of(directory, url=url, ca_file=None)

        with pytest.raises(SourceUnavailable, match="broke off the sign-in"):
            await sign_in(settings, directory.password)

    async def test_it_refuses_a_certificate_for_another_name(
        self, directory: PrivateDirectory, stranger: Stranger, tmp_path: Path
    ) -> None:
        async with stranger("DNS:other.example.org") as settings:
            with pytest.raises(SourceUnavailable, match="broke off the sign-in"):
                await sign_in(settings, directory.password)

        assert directory.password not in (tmp_path / "heard").read_text()

    async def test_it_accepts_the_right_one(self, directory: PrivateDirectory) -> None:
        await sign_in(settings_of(directory), directory.password)


class TestBreaks:
    """The directory is stopped and killed from outside: bonsai signs in without letting a proxy of ours run."""

    async def test_a_connection_that_drops_in_the_middle(self) -> None:
        async with private_directory(people(300)) as mortal, source_of(mortal) as source:
            before = opened()
            found = []
            items = source.read(Wanted(USERS))
            found.append(await anext(items))
            os.kill(process_of(mortal), signal.SIGKILL)

            with pytest.raises(SourceUnavailable, match="nothing is taken from half a read"):
                found += [item async for item in items]

            assert not any(isinstance(item, Finished) for item in found)
            await only_these_are_open(before)

    async def test_a_directory_that_hangs_stops_nobody_else(self) -> None:
        async with private_directory(people(300)) as mortal, source_of(mortal) as source:
            items = source.read(Wanted(USERS))
            await anext(items)
            with hanging(mortal):
                rest = asyncio.ensure_future(take(items))
                longest = await longest_pause(until=rest)

            with pytest.raises(SourceUnavailable, match="'timeout'"):
                await rest
            assert longest < 0.5  # while the time-out is a second

    async def test_cancelling_does_not_wait_for_a_directory_that_hangs(self) -> None:
        async with private_directory(people(300)) as mortal, source_of(mortal, timeout="60s") as source:
            before = opened()
            items = source.read(Wanted(USERS))
            await anext(items)
            with hanging(mortal):
                rest = asyncio.ensure_future(take(items))
                await asyncio.sleep(0.3)
                assert not rest.done()
                rest.cancel()
                async with asyncio.timeout(5):
                    with pytest.raises(asyncio.CancelledError):
                        await rest
                    await only_these_are_open(before)


class TestCheck:
    async def test_each_stage_shows_what_it_found(self, directory: PrivateDirectory) -> None:
        async with opened_source(directory, settings_of(directory)) as source:
            found = {step.stage: step.found async for step in source.check()}

        assert list(found) == ["resolve", "connect", "tls", "authenticate", "read"]
        assert found["resolve"] == "127.0.0.1 is 127.0.0.1"
        assert found["connect"] == f"port {directory.tls_port} answers"
        assert found["tls"] == (
            "certificate of localhost, signed by halo-sandbox private authority, valid for 29 more days"
        )
        assert found["authenticate"] == f"signed in as {directory.bind_dn}"
        for person in people(3):
            assert person.cn in found["read"]
        assert "they lack displayName, pwdAccountLockedTime" in found["read"]

    async def test_without_encryption_it_says_so(self, directory: PrivateDirectory) -> None:
        settings = settings_of(directory, url=directory.url, starttls=False, allow_plain=True)
        async with opened_source(directory, settings) as source:
            found = {step.stage: step.found async for step in source.check()}

        assert found["tls"] == "not used: the password crosses the network in clear"

    async def test_the_stages_before_the_one_that_fails_are_shown(self, directory: PrivateDirectory) -> None:
        async with opened_source(directory, settings_of(directory), password="not-the-one") as source:
            steps = source.check()
            assert [(await anext(steps)).stage for _ in range(3)] == ["resolve", "connect", "tls"]
            with pytest.raises(CredentialRefused):
                await anext(steps)


def source_of(directory: PrivateDirectory, timeout: str = "1s") -> AbstractAsyncContextManager[CheckedSource]:
    """A source that needs three pages."""
    return opened_source(directory, settings_of(directory, page_size=100, timeout=timeout))


def process_of(directory: PrivateDirectory) -> int:
    """The server's process."""
    return int((directory.folder / "slapd.pid").read_text())


@contextmanager
def hanging(directory: PrivateDirectory) -> Iterator[None]:
    """The server keeps its connections and answers nothing."""
    os.kill(process_of(directory), signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process_of(directory), signal.SIGCONT)


async def take(items: AsyncIterator[SourceItem]) -> list[SourceItem]:
    """All that is left."""
    return [item async for item in items]


async def longest_pause(*, until: asyncio.Future[list[SourceItem]]) -> float:
    """How long the loop at most did not run."""
    longest = 0.0
    while not until.done():
        began = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - began)
    return longest


async def sign_in(settings: LdapSettings, password: str) -> None:
    """Let the driver itself connect."""
    client = Client(settings, ["cn"])
    try:
        await asyncio.to_thread(client.sign_in, SecretStr(password))
    finally:
        client.close()


AUTHORITY = """\
[ca]
default_ca = own
[own]
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = {name}
"""


@pytest.fixture
def stranger(directory: PrivateDirectory, tmp_path: Path) -> Stranger:
    """A TLS server whose certificate has this name, and settings that trust who signed it."""

    @asynccontextmanager
    async def serving(name: str, *, until: str = "20991231235959Z") -> AsyncIterator[LdapSettings]:
        with processes.child(
            await asyncio.to_thread(_server, tmp_path, port := processes.free_ports(1)[0], name, until),
            folder=tmp_path,
            output=tmp_path / "heard",
            env={},
        ):
            await _until_it_listens(port)
            yield settings_of(directory, url=f"ldaps://127.0.0.1:{port}", ca_file=tmp_path / "stranger.pem")

    return serving


def _server(folder: Path, port: int, name: str, until: str) -> tuple[str, ...]:
    """The command of a server that prints what it hears."""
    openssl = processes.need("openssl", "openssl")
    (folder / "index").touch()
    (folder / "ca.conf").write_text(AUTHORITY.format(name=name))
    processes.run(
        (openssl, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", "stranger.key", "-out", "request", "-subj", "/CN=stranger"),
        folder=folder,
    )  # fmt: skip
    processes.run(
        (openssl, "ca", "-batch", "-selfsign", "-notext", "-config", "ca.conf", "-keyfile", "stranger.key",
         "-in", "request", "-out", "stranger.pem", "-startdate", "20200101000000Z", "-enddate", until),
        folder=folder,
    )  # fmt: skip
    return (openssl, "s_server", "-quiet", "-accept", f"127.0.0.1:{port}",
            "-cert", "stranger.pem", "-key", "stranger.key")  # fmt: skip


async def _until_it_listens(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return await writer.wait_closed()
