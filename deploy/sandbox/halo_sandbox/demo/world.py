"""The demo's world: a Halo, a controller, an agent and the commands that a person would type."""

import asyncio
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console
from rich.text import Text

from halo_sandbox.demo import files
from halo_sandbox.demo.people import PeopleSource
from halo_sandbox.server import Sandbox
from halo_sandbox.services.mailbox import private_mailbox, text_of

BIN: Final = Path(sys.executable).parent
MACHINES: Final = 40
START_SECONDS: Final = 60.0
END_SECONDS: Final = 60.0

Json = Any  # what the controller or the sandbox answered


async def until(condition: Callable[[], Awaitable[bool]], *, within: float = START_SECONDS) -> None:
    """Return once this is so; raises TimeoutError when it takes longer."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - another process makes it so; there is no event to wait for
            await asyncio.sleep(0.1)


class BrokenPromise(Exception):
    """The demo showed something else than it promised."""


class World(ABC):
    """Everything the story needs; where the controller and the agent run is left to those below."""

    def __init__(
        self, folder: Path, sandbox: Sandbox, people: PeopleSource, console: Console, stack: AsyncExitStack
    ) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.people = people
        self.console = console
        self._stack = stack
        # Loading the machine's certificates takes longer than all requests of the demo, which use none.
        self._http = httpx.AsyncClient(trust_env=False, verify=False, timeout=30)  # noqa: S501
        stack.push_async_callback(self._http.aclose)
        self.files = self._write_files()
        self.mailbox = stack.enter_context(private_mailbox())
        self.environment = {
            **os.environ,
            "HALO_CONTROLLER_MAIL_URL": self.mailbox.url(),
            "HALO_CONTROLLER_MAIL_FROM": files.SENDER,
            "HALO_CONTROLLER_MAIL_CA": str(self.mailbox.authority),
            "HALO_CONTROLLER_DATA": str(folder / "controller"),
            "HALO_AGENT_CONFIG": str(self.files["agent"]),
        }

    @abstractmethod
    async def start_controller(self) -> None:
        """A controller, until the world ends."""

    @abstractmethod
    async def start_agent(self) -> None:
        """The customer's agent, until the world ends."""

    @abstractmethod
    def tail(self, *, integration: str) -> AbstractAsyncContextManager["asyncio.Task[str]"]:
        """A watcher of the status queue for errors of one integration: a task that ends with the first."""

    def chapter(self, number: str, title: str) -> None:
        """Begin a chapter."""
        self.console.print()
        self.console.print(Text(f"{number}. {title}", style="bold cyan"))

    def expect(self, promise: bool, seen: str) -> None:
        """Show what was seen; raises BrokenPromise when it is not what was promised."""
        mark, style = ("✓", "green") if promise else ("✗", "bold red")
        self.console.print(Text(f"{mark} {seen}", style=style))
        if not promise:
            raise BrokenPromise(seen)

    async def show(self, *arguments: str) -> None:
        """Type a command of the controller and let it print."""
        self._typed(arguments)
        await self._run(*arguments)

    async def quietly(self, *arguments: str) -> None:
        """Type a command and leave out what it prints."""
        self._typed(arguments)
        await self._run(*arguments, captured=True)

    async def ask(self, path: str, **query: str | int) -> Json:
        """What the controller's API answers, without a word on the screen."""
        return await self._controller("GET", path, params=query)

    async def _controller(self, method: str, path: str, **request: Any) -> Json:
        data = self.folder / "controller"
        address, token = await asyncio.to_thread(
            lambda: [(data / name).read_text().strip() for name in ("address", "operator.token")]
        )
        headers = {"Authorization": f"Bearer {token}"}
        reply = await self._http.request(method, f"{address}{path}", headers=headers, **request)
        return reply.raise_for_status().json()

    async def run_and_watch(self, ref: str) -> Json:
        """Run an integration, watch its progress live, and answer with the run as it ended."""
        await self.show("run", "now", ref, "--watch")
        return await self.until_ended(ref)

    async def until_ended(self, ref: str) -> Json:
        """The latest run of an integration, once it has ended."""
        tenant, name = ref.split("/")
        latest: list[Json] = []

        async def ended() -> bool:
            latest[:] = await self.ask("/runs", tenant=tenant, integration=name, limit=1)
            return bool(latest) and latest[0]["ended_at"] is not None

        await until(ended, within=END_SECONDS)
        return latest[0]

    async def mail(self, number: int) -> EmailMessage:
        """The e-mail of this number to the customer's administrator, once it has come."""

        async def came() -> bool:
            return len(self.mailbox.to(files.ADDRESS)) >= number

        await until(came)
        return self.mailbox.to(files.ADDRESS)[number - 1]

    def show_mail(self, message: EmailMessage) -> None:
        """Print an e-mail as its reader sees it."""
        for name in ("From", "To", "Subject"):
            self._quote(f"{name}: {message[name]}", "bold")
        for line in ("", *text_of(message).rstrip().splitlines()):
            self._quote(line, "")

    def _quote(self, line: str, style: str) -> None:
        self.console.print(Text.assemble(("│ ", "cyan"), (line, style)), soft_wrap=True)

    async def agent_is_online(self) -> bool:
        """Whether the controller hears the agent."""
        shown = await self.ask(f"/agents/{files.AGENT}")
        return bool(shown["state"] == "online")

    def to_look_around(self) -> list[str]:
        """Commands worth typing while the demo is up."""
        return [
            f"{BIN}/halo-controller runs list",
            f"{BIN}/halo-controller topology",
            f"{BIN}/halo-controller events tail --tenant {files.TENANT}",
            f"{BIN}/halo-agent preview {self.files['people']} --halo {self.files['tenant']}",
            f"{BIN}/halo-sandbox show users --url {self.sandbox.url}",
        ]

    async def change_people(self) -> None:
        """Give three people a new title at the source."""
        await self.people.change()

    async def held(self, resource: str) -> list[Json]:
        """What Halo holds."""
        return list(await self._halo("GET", f"held/{resource}"))

    async def forget_requests(self) -> None:
        """Count Halo's requests from here on."""
        await self._halo("DELETE", "requests")

    async def requests(self) -> list[Json]:
        """The requests that Halo received since then."""
        answer = await self._halo("GET", "requests")
        return list(answer["requests"])

    def _write_files(self) -> Mapping[str, Path]:
        folder = self.folder
        files.write_machines(folder / "machines.xlsx", MACHINES)
        secrets = files.write(
            folder,
            "secrets",
            {"halo-acme": self.sandbox.settings.client_secret, "directory": self.people.password},
        )
        secrets.chmod(0o600)
        agent = {"name": files.AGENT, "data": str(folder / "agent"), "secrets": str(secrets)}
        return {
            "agent": files.write(folder, "agent", agent),
            "tenant": files.write(folder, "acme", files.tenant(self.sandbox)),
            "people": files.write(folder, "people", self.people.integration),
            "machines": files.write(folder, "machines", files.machines(folder / "machines.xlsx")),
            "branch-people": files.write(folder, "branch-people", files.broken_people(self.people.base)),
            "branch-people-mended": files.write(folder, "branch-people-mended", self.people.branch),
            "jane": files.write(folder, "jane", files.PERSON),
        }

    def _typed(self, arguments: tuple[str, ...]) -> None:
        words = " ".join(Path(word).name if word.startswith(str(self.folder)) else word for word in arguments)
        self.console.print(Text(f"$ halo-controller {words}", style="bold"))

    async def _run(self, *arguments: str, captured: bool = False) -> str:
        command = await asyncio.create_subprocess_exec(
            BIN / "halo-controller",
            *arguments,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE if captured else None,
        )
        printed, _ = await command.communicate()
        if command.returncode:
            raise BrokenPromise(f"halo-controller {' '.join(arguments)} ended with {command.returncode}")
        return printed.decode() if captured else ""

    async def _halo(self, method: str, path: str, body: Json = None) -> Json:
        reply = await self._http.request(method, f"{self.sandbox.url}/sandbox/{path}", json=body)
        return reply.raise_for_status().json() if reply.content else None
