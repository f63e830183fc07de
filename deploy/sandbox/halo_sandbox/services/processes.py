"""Child processes that never outlive the program that started them."""

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

# A death signal follows the *thread* that forked, and asyncio's threads end with their loop. So
# every child is forked from this one thread, which lives as long as the process does.
_FORKER: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")

STOP_SECONDS: Final = 30

# Whoever asks the kernel for any port gets a higher one, and so not what a service of ours is about to listen on.
_SELDOM_GIVEN: Final = range(20_000, 32_768)

ServiceT = TypeVar("ServiceT")


class ServiceError(Exception):
    """A private service could not be started or did not do what was asked."""


class NotInstalledError(ServiceError):
    """A program that the service consists of is not on this machine."""


@asynccontextmanager
async def in_own_thread(service: AbstractContextManager[ServiceT]) -> AsyncIterator[ServiceT]:
    """Enters and leaves a blocking service without blocking the loop.

    Both happen in one thread, so that leaving waits for an entering that was cancelled half-way.
    """
    loop = asyncio.get_running_loop()
    entered = ExitStack()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="service") as thread:
        try:
            yield await loop.run_in_executor(thread, entered.enter_context, service)
        finally:
            await loop.run_in_executor(thread, entered.close)


def search_path() -> str:
    """Where programs are looked for; Debian keeps daemons where an ordinary user's PATH doesn't."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/bin", "/sbin", "/bin"))


def find(program: str) -> str | None:
    """The full path of a program, daemons included."""
    return shutil.which(program, path=search_path())


def need(program: str, package: str) -> str:
    """The full path of a program, or an error that says which package brings it."""
    path = find(program)
    if path is None:
        raise NotInstalledError(f"{program} is not installed: apt-get install {package}")
    return path


def spawn(
    command: Sequence[str], *, folder: Path, output: Path, env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Starts a child in a session of its own: Ctrl-C is for us, and we end the children in order.

    Should we be killed, the kernel ends the child; its folder is all that stays behind.
    """

    def fork() -> subprocess.Popen[bytes]:
        with output.open("ab") as log:
            return subprocess.Popen(
                ("setpriv", "--pdeathsig", "TERM", *command),
                cwd=folder,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    return _FORKER.submit(fork).result()


def end(process: subprocess.Popen[bytes]) -> None:
    """Asks a child to end, and makes it end when it doesn't."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def child(
    command: Sequence[str], *, folder: Path, output: Path, env: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A child that runs for the length of a `with`."""
    process = spawn(command, folder=folder, output=output, env=env)
    try:
        yield process
    finally:
        end(process)


def run(command: Sequence[str], *, folder: Path, stdin: str = "") -> str:
    """Runs a tool to its end and answers with what it printed."""
    done = subprocess.run(command, cwd=folder, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise ServiceError(f"{Path(command[0]).name} failed ({done.returncode}): {said}")
    return done.stdout


def last_lines(file: Path, count: int = 15) -> str:
    """What a child said last, for the error that reports its end."""
    if not file.exists():
        return ""
    return "\n".join(file.read_text(errors="replace").splitlines()[-count:])


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody uses; all are held until the last is found, so they differ."""
    ports: list[int] = []
    with ExitStack() as held:
        while len(ports) < count:
            port = secrets.choice(_SELDOM_GIVEN)
            with suppress(OSError):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
                ports.append(port)
    return ports
