"""A private RabbitMQ node as a child process, beside any other RabbitMQ of the machine."""

import asyncio
import secrets
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from halo_sandbox.services import processes
from halo_sandbox.services.processes import NotInstalledError, ServiceError
from halo_sandbox.services.rabbitmq_node import Node

# Not the wrapper in /usr/sbin: that one becomes the user `rabbitmq` and refuses everyone but root.
SERVER: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_SECONDS: Final = 90
MANAGEMENT_PORT: Final = 15672


def installed() -> bool:
    """Whether a private node can be started on this machine."""
    return SERVER.exists() and processes.find("epmd") is not None


def require_installed() -> None:
    """Raises an error that says what to install where RabbitMQ is missing."""
    if not installed():
        raise NotInstalledError("RabbitMQ is not installed: apt-get install rabbitmq-server")


def private_rabbitmq(*, management: bool = False) -> AbstractAsyncContextManager["PrivateRabbitMQ"]:
    """A private node for the length of an `async with`; `management` makes its start slower."""
    return processes.in_own_thread(serving(management=management))


@contextmanager
def serving(*, management: bool = False, settings: tuple[str, ...] = ()) -> Iterator["PrivateRabbitMQ"]:
    """The same for code that may block; `settings` are more of the node's own."""
    require_installed()
    with TemporaryDirectory(prefix="halo-rabbitmq-", ignore_cleanup_errors=True) as folder:
        node = Node.fresh(Path(folder), management=management, settings=settings)
        node.write()
        with _port_mapper(node):
            private = PrivateRabbitMQ(node)
            try:
                yield private
            finally:
                private.stop()


class PrivateRabbitMQ:
    """A running node that is ours alone."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._server = _start_server(node)

    @property
    def url(self) -> str:
        """Where a client finds the node's default virtual host."""
        return self.node.url()

    @property
    def pid(self) -> int:
        """The process that is the node."""
        return self._server.pid

    def stop(self) -> None:
        """Ends the node in order."""
        processes.end(self._server)

    async def restart(self) -> None:
        """Starts the node again on the same ports and data, whether it was killed or still runs."""
        await asyncio.to_thread(self._restart)

    def _restart(self) -> None:
        self.stop()
        self._server = _start_server(self.node)

    async def kill(self) -> None:
        """Ends the node the way a power cut does; `restart` brings it back."""
        self._server.kill()
        await asyncio.to_thread(self._server.wait)

    def vhost(self) -> AbstractAsyncContextManager[str]:
        """The URL of a virtual host of its own, for the length of an `async with`."""
        if self.node.management_port is None:
            raise ServiceError("virtual hosts need private_rabbitmq(management=True)")
        return fresh_vhost(self.url, self.node.management_port)


class GivenRabbitMQ:
    """A node that somebody else runs, named by its URL; its management plugin is on the usual port."""

    def __init__(self, url: str) -> None:
        self.url = url

    def vhost(self) -> AbstractAsyncContextManager[str]:
        """The URL of a virtual host of its own, for the length of an `async with`."""
        return fresh_vhost(self.url, MANAGEMENT_PORT)


@asynccontextmanager
async def fresh_vhost(url: str, management_port: int) -> AsyncIterator[str]:
    """The URL of a new virtual host of this broker, which is deleted afterwards."""
    broker = urlsplit(url)
    name = f"halo-{secrets.token_hex(6)}"
    async with httpx.AsyncClient(
        base_url=f"http://{broker.hostname}:{management_port}/api/vhosts",
        auth=(unquote(broker.username or "guest"), unquote(broker.password or "guest")),
        trust_env=False,
        timeout=30,
    ) as vhosts:
        try:
            (await vhosts.put(f"/{name}")).raise_for_status()
        except httpx.HTTPError as error:
            raise ServiceError(
                f"{broker.hostname}:{management_port} makes no virtual host ({error}); "
                "enable its management plugin: rabbitmq-plugins enable rabbitmq_management"
            ) from error
        try:
            yield urlunsplit(broker._replace(path=f"/{name}"))
        finally:
            (await vhosts.delete(f"/{name}")).raise_for_status()


@contextmanager
def _port_mapper(node: Node) -> Iterator[None]:
    """Our own epmd, started first: a node that finds none starts one and leaves it behind."""
    with processes.child(
        ("epmd", "-port", str(node.epmd_port)),
        folder=node.folder,
        output=node.output,
        env=node.environment(),
    ) as epmd:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and epmd.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", node.epmd_port)):
                break
            time.sleep(0.01)
        else:
            raise ServiceError(f"epmd did not start; it said:\n{processes.last_lines(node.output)}")
        yield


def _start_server(node: Node) -> subprocess.Popen[bytes]:
    """Starts the node and returns when it takes clients."""
    node.notify.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(node.notify))
        notify.settimeout(0.1)
        server = processes.spawn(
            (str(SERVER),), folder=node.folder, output=node.output, env=node.environment()
        )
        try:
            _wait_until_ready(server, notify, node.output)
        except BaseException:
            processes.end(server)
            raise
    return server


def _wait_until_ready(server: subprocess.Popen[bytes], notify: socket.socket, output: Path) -> None:
    """Waits for the node's own word; its port is open long before it serves anyone."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(TimeoutError):
            if b"READY=1" in notify.recv(4096):
                return
    how = "took too long" if server.poll() is None else f"ended with {server.returncode}"
    said = processes.last_lines(output)
    raise ServiceError(f"the private RabbitMQ {how} while starting; it said:\n{said}")
