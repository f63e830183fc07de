"""The private broker and directory, started for real."""

import asyncio
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import aio_pika
import pytest
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from halo_sandbox.services import directory as directories
from halo_sandbox.services import ldif, processes, rabbitmq
from halo_sandbox.services.directory import PrivateDirectory
from halo_sandbox.services.people import people
from halo_sandbox.services.processes import ServiceError
from halo_sandbox.services.rabbitmq import PrivateRabbitMQ
from tests.support.services import needed

SEARCH = ("ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no")

# A program that starts a service, says where, and is still running when it is killed.
KILLED_WITH_A_BROKER = """
import asyncio
from halo_sandbox.services.rabbitmq import private_rabbitmq

async def main():
    async with private_rabbitmq() as broker:
        node = broker.node
        print(node.amqp_port, node.epmd_port, node.distribution_port, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
async def own_broker() -> AsyncIterator[PrivateRabbitMQ]:
    with needed():
        async with rabbitmq.private_rabbitmq() as broker:
            yield broker


@pytest.fixture
async def own_directory() -> AsyncIterator[PrivateDirectory]:
    with needed():
        async with directories.private_directory(people(30)) as directory:
            yield directory


async def waiting_after_publishing(url: str, bodies: list[bytes]) -> int:
    """Publishes to a durable queue and answers how many messages it holds then."""
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        await channel.declare_queue("proof", durable=True)
        for body in bodies:
            message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await channel.default_exchange.publish(message, "proof")
        queue = await channel.declare_queue("proof", durable=True)
        return queue.declaration_result.message_count or 0


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def folders_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.01)


def search(directory: PrivateDirectory, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SEARCH, "-b", directory.base, "-D", directory.bind_dn, "-w", directory.password, *arguments],
        env={"PATH": processes.search_path(), "LDAPTLS_CACERT": str(directory.ca_file)},
        capture_output=True,
        text=True,
        check=False,
    )


def values(answer: subprocess.CompletedProcess[str], attribute: str) -> list[str]:
    return re.findall(rf"^{attribute}: (.+)$", answer.stdout, re.MULTILINE)


async def test_virtual_hosts_do_not_see_each_other_and_are_gone_afterwards(
    shared_broker: PrivateRabbitMQ,
) -> None:
    async with shared_broker.vhost() as one, shared_broker.vhost() as other:
        assert await waiting_after_publishing(one, [b"a", b"b"]) == 2
        assert await waiting_after_publishing(other, []) == 0
    with pytest.raises(CONNECTION_EXCEPTIONS):
        await waiting_after_publishing(one, [])


async def test_the_fixture_hands_out_a_usable_virtual_host(broker_url: str) -> None:
    assert await waiting_after_publishing(broker_url, [b"a"]) == 1


@pytest.mark.broker
async def test_a_killed_broker_comes_back_with_its_messages(
    own_broker: PrivateRabbitMQ,
) -> None:
    await waiting_after_publishing(own_broker.url, [b"a"])
    await own_broker.kill()
    assert not is_open(own_broker.node.amqp_port)
    await own_broker.restart()
    assert await waiting_after_publishing(own_broker.url, []) == 1


@pytest.mark.broker
def test_a_broker_does_not_outlive_a_program_that_is_killed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with needed():
        rabbitmq.require_installed()
    program = subprocess.Popen(
        [sys.executable, "-c", KILLED_WITH_A_BROKER],
        env={"PATH": processes.search_path(), "TMPDIR": str(tmp_path_factory.mktemp("b"))},
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        assert program.stdout
        ports = [int(port) for port in program.stdout.readline().split()]
        assert [is_open(port) for port in ports] == [True, True, True]
        program.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(map(is_open, ports)))


def test_everybody_is_there_page_by_page_and_500_at_most_without_pages(
    directory: PrivateDirectory,
) -> None:
    unpaged = search(directory, "-H", directory.url, "(objectClass=inetOrgPerson)", "uid")
    paged = search(
        directory, "-H", directory.url, "-E", "pr=500/noprompt", "(objectClass=inetOrgPerson)", "uid"
    )
    assert (unpaged.returncode, len(values(unpaged, "uid"))) == (4, 500)
    assert sorted(values(paged, "uid")) == sorted(person.uid for person in people(1_200))


@pytest.mark.parametrize("how", ["ldaps", "starttls"])
def test_the_directory_is_reached_through_tls_that_its_own_authority_vouches_for(
    directory: PrivateDirectory, how: str
) -> None:
    where = ["-H", directory.ldaps_url] if how == "ldaps" else ["-H", directory.url, "-ZZ"]
    found = search(directory, *where, "-s", "base", "dc")
    assert values(found, "dc") == ["example"]


def test_a_client_that_does_not_know_the_authority_refuses_the_certificate(
    directory: PrivateDirectory,
) -> None:
    strict = ssl.create_default_context()
    with (
        socket.create_connection(("127.0.0.1", directory.tls_port)) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        strict.wrap_socket(plain, server_hostname="localhost")


def test_strangers_and_wrong_passwords_see_nobody(directory: PrivateDirectory) -> None:
    wrong = search(directory, "-H", directory.url, "-w", "wrong")
    stranger = search(directory, "-H", directory.url, "-D", "", "-w", "")
    assert wrong.returncode == 49
    assert values(stranger, "uid") == []


def test_the_reader_may_not_read_its_own_password(directory: PrivateDirectory) -> None:
    found = search(directory, "-H", directory.url, "-s", "one", "(cn=halo-reader)")
    assert values(found, "dn") == [directory.bind_dn]
    assert "userPassword" not in found.stdout


@pytest.mark.directory
async def test_a_leaver_disappears_from_groups_and_as_a_manager(
    own_directory: PrivateDirectory,
) -> None:
    leaver = people(30)[1]
    dn = ldif.person_dn(leaver.uid)

    def found(query: str) -> list[str]:
        return values(search(own_directory, "-H", own_directory.url, query), "dn")

    mentions = (f"(manager={dn})", f"(member={dn})", f"(uid={leaver.uid})")
    assert [len(found(mention)) for mention in mentions] == [8, 1, 1]

    await own_directory.modify(f"dn: {dn}\nchangetype: delete\n")

    # The server clears the references by itself, a moment after the change.
    await asyncio.to_thread(wait_until, lambda: not any(map(found, mentions)))


@pytest.mark.directory
async def test_a_new_member_of_a_group_shows_the_group(own_directory: PrivateDirectory) -> None:
    boss = ldif.person_dn(people(1)[0].uid)
    group = ldif.group_dn("Sales, Europe")
    await own_directory.modify(f"dn: {group}\nchangetype: modify\nadd: member\nmember: {boss}\n")
    found = search(own_directory, "-H", own_directory.url, "-b", boss, "memberOf")
    assert sorted(values(found, "memberOf")) == sorted((group, ldif.group_dn("Board")))


@pytest.mark.directory
async def test_a_change_that_is_refused_says_why(own_directory: PrivateDirectory) -> None:
    with pytest.raises(ServiceError, match="No such object"):
        await own_directory.modify("dn: cn=nobody,dc=example,dc=org\nchangetype: delete\n")


@pytest.mark.directory
def test_a_service_survives_the_thread_that_started_it() -> None:
    with needed():
        directories.require_installed()
    with ExitStack() as entered:
        started: list[PrivateDirectory] = []

        def start() -> None:
            started.append(entered.enter_context(directories.serving(people(1))))

        starter = threading.Thread(target=start)
        starter.start()
        starter.join()
        time.sleep(0.3)  # a death signal would have been delivered by now
        assert is_open(started[0].port)
        folder = started[0].folder
    assert not folder.exists()


@pytest.mark.directory
async def test_a_start_that_is_cancelled_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    async def start() -> None:
        async with AsyncExitStack() as entered:
            await entered.enter_async_context(directories.private_directory(people(5_000)))

    with needed():
        directories.require_installed()
    starting = asyncio.create_task(start())
    await asyncio.to_thread(wait_until, lambda: folders_in(tmp_path))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert folders_in(tmp_path) == []
