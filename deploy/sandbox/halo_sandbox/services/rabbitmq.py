"""A private RabbitMQ node as a child process, beside any other RabbitMQ of the machine."""

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import httpx

from halo_sandbox.services import processes
from halo_sandbox.services.processes import NotInstalledError, ServiceError

# Not the wrapper in /usr/sbin: that one becomes the user `rabbitmq` and refuses everyone but root.
SERVER: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
USER: Final = "halo"
START_SECONDS: Final = 90
STOP_SECONDS: Final = 30


def installed() -> bool:
    """Whether a private node can be started on this machine."""
    return SERVER.exists() and processes.find("epmd") is not None


@asynccontextmanager
async def broker() -> AsyncIterator[str]:
    """The URL of a broker: the one that HALO_BROKER_URL names, else a private one."""
    if given := os.environ.get("HALO_BROKER_URL"):
        yield given
        return
    async with private_rabbitmq() as private:
        yield private.url


def private_rabbitmq(*, management: bool = False) -> AbstractAsyncContextManager["PrivateRabbitMQ"]:
    """A private node for the length of a `with`; `management` costs a slower start."""
    return processes.running(PrivateRabbitMQ(management=management))


@dataclass(frozen=True, slots=True)
class Node:
    """Everything in which one node could collide with another, so that this one can't."""

    folder: Path
    name: str
    password: str
    amqp_port: int
    distribution_port: int
    epmd_port: int
    management_port: int | None

    @classmethod
    def fresh(cls, folder: Path, *, management: bool) -> Self:
        """A node with names and ports that nobody else uses."""
        amqp, distribution, epmd, spare = processes.free_ports(4)
        return cls(
            folder=folder,
            name=f"halo-{secrets.token_hex(4)}@localhost",
            password=secrets.token_urlsafe(16),
            amqp_port=amqp,
            distribution_port=distribution,
            epmd_port=epmd,
            management_port=spare if management else None,
        )

    def url(self, vhost: str = "%2F") -> str:
        """Where a client finds a virtual host of this node."""
        return f"amqp://{USER}:{self.password}@127.0.0.1:{self.amqp_port}/{vhost}"

    @property
    def notify(self) -> Path:
        """The socket on which the node says that it is ready."""
        return self.folder / "notify"

    @property
    def output(self) -> Path:
        """What the node printed before its own log was open."""
        return self.folder / "output"

    @property
    def log(self) -> Path:
        """The node's own log."""
        return self.folder / "log" / f"{self.name}.log"

    def write(self) -> None:
        """Puts the files in place that the node reads when it starts."""
        plugins = "" if self.management_port is None else "rabbitmq_management"
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(20))
        cookie.chmod(0o400)
        (self.folder / "rabbitmq.conf").write_text(self._configuration())
        (self.folder / "enabled_plugins").write_text(f"[{plugins}].\n")
        (self.folder / "env.conf").touch()  # empty: the machine's own is not to be read

    def _configuration(self) -> str:
        lines = [
            f"listeners.tcp.1 = 127.0.0.1:{self.amqp_port}",
            f"default_user = {USER}",
            f"default_pass = {self.password}",
            "disk_free_limit.absolute = 100MB",
        ]
        if self.management_port is not None:
            lines += [
                "management.tcp.ip = 127.0.0.1",
                f"management.tcp.port = {self.management_port}",
            ]
        return "\n".join(lines) + "\n"

    def environment(self) -> dict[str, str]:
        """The node's whole environment: nothing of ours or of the machine's leaks in."""
        folder = self.folder
        return {
            "PATH": processes.SEARCH_PATH,
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "NOTIFY_SOCKET": str(self.notify),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.amqp_port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "env.conf"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PLUGINS_EXPAND_DIR": str(folder / "plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }


class PrivateRabbitMQ:
    """A RabbitMQ that is ours alone; `start` and `stop` block, see `private_rabbitmq`."""

    def __init__(self, *, management: bool = False) -> None:
        self._management = management
        self._node: Node | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def node(self) -> Node:
        """Where the node lives."""
        if self._node is None:
            raise ServiceError("the private RabbitMQ has not been started")
        return self._node

    @property
    def url(self) -> str:
        """Where a client finds the node's default virtual host."""
        return self.node.url()

    def start(self) -> None:
        """Starts the node and returns when it takes clients."""
        if not installed():
            raise NotInstalledError("RabbitMQ is not installed: apt-get install rabbitmq-server")
        self._node = Node.fresh(
            Path(tempfile.mkdtemp(prefix="halo-rabbitmq-")), management=self._management
        )
        self._node.write()
        self._start_epmd(self._node)
        self._start_server(self._node)

    def stop(self) -> None:
        """Ends the node, its port mapper and everything that they wrote."""
        if self._server is not None:
            processes.end(self._server, patience=STOP_SECONDS)
        if self._epmd is not None:
            processes.end(self._epmd, patience=STOP_SECONDS)
        if self._node is not None:
            shutil.rmtree(self._node.folder, ignore_errors=True)
        self._server = self._epmd = self._node = None

    async def restart(self) -> None:
        """Ends the node, if it still runs, and starts it again on the same ports and data."""

        def again() -> None:
            if self._server is not None:
                processes.end(self._server, patience=STOP_SECONDS)
            self._start_server(self.node)

        await asyncio.to_thread(again)

    async def kill(self) -> None:
        """Ends the node the way a power cut does; `restart` brings it back."""
        if self._server is not None:
            self._server.kill()
            await asyncio.to_thread(self._server.wait)

    @asynccontextmanager
    async def vhost(self) -> AsyncIterator[str]:
        """The URL of a virtual host of its own, for the length of a `with`."""
        if self.node.management_port is None:
            raise ServiceError("virtual hosts need private_rabbitmq(management=True)")
        name = f"v-{secrets.token_hex(6)}"
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.node.management_port}/api",
            auth=(USER, self.node.password),
            trust_env=False,
            timeout=30,
        ) as management:
            (await management.put(f"/vhosts/{name}")).raise_for_status()
            yield self.node.url(name)
            (await management.delete(f"/vhosts/{name}")).raise_for_status()

    def _start_epmd(self, node: Node) -> None:
        """Starts a port mapper first, because a node that finds none leaves one behind."""
        self._epmd = processes.spawn(
            ("epmd", "-port", str(node.epmd_port)),
            folder=node.folder,
            output=node.output,
            env=node.environment(),
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._epmd.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", node.epmd_port)):
                return
            time.sleep(0.01)
        raise ServiceError(f"epmd did not start: {processes.last_lines(node.output)}")

    def _start_server(self, node: Node) -> None:
        node.notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(node.notify))
            notify.settimeout(0.1)
            self._server = processes.spawn(
                (str(SERVER),), folder=node.folder, output=node.output, env=node.environment()
            )
            _wait_until_ready(self._server, notify, node)


def _wait_until_ready(server: subprocess.Popen[bytes], notify: socket.socket, node: Node) -> None:
    """Waits for the node's own word; its port is open long before it serves anyone."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(TimeoutError):
            if b"READY=1" in notify.recv(4096):
                return
    how = "took too long" if server.poll() is None else f"ended with {server.returncode}"
    said = processes.last_lines(node.log) or processes.last_lines(node.output)
    raise ServiceError(f"the private RabbitMQ {how} while starting; it said:\n{said}")
