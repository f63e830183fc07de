"""What a private RabbitMQ node is told when it starts: files, ports and environment of its own."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from halo_sandbox.services import processes

USER: Final = "halo"


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
    settings: tuple[str, ...] = ()
    """More of its application's settings, as its VM is told them: `consumer_timeout 3000`."""

    @classmethod
    def fresh(cls, folder: Path, *, management: bool, settings: tuple[str, ...] = ()) -> Self:
        """A node with a name and ports that nobody else uses."""
        amqp, distribution, epmd, spare = processes.free_ports(4)
        return cls(
            folder=folder,
            name=f"halo-{secrets.token_hex(4)}@localhost",
            password=secrets.token_urlsafe(16),
            amqp_port=amqp,
            distribution_port=distribution,
            epmd_port=epmd,
            management_port=spare if management else None,
            settings=settings,
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
        """What the node prints."""
        return self.folder / "output"

    def write(self) -> None:
        """Puts the files in place that the node reads when it starts."""
        plugins = "" if self.management_port is None else "rabbitmq_management"
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(20))
        cookie.chmod(0o400)
        (self.folder / "rabbitmq.conf").write_text(self.configuration())
        (self.folder / "enabled_plugins").write_text(f"[{plugins}].\n")
        (self.folder / "env.conf").touch()  # empty: the machine's own is not to be read

    def configuration(self) -> str:
        """The node's rabbitmq.conf."""
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
            "PATH": processes.search_path(),
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
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": " ".join(
                (
                    "-kernel inet_dist_use_interface {127,0,0,1}",
                    *(f"-rabbit {each}" for each in self.settings),
                )
            ),
        }
