"""Child processes that never outlive the program that started them."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, Protocol, TypeVar

# A death signal follows the *thread* that forked, and asyncio's threads end with their loop. So
# every child is forked from this one thread, which lives as long as the process does.
_FORKER: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")

# Debian keeps daemons where the PATH of an ordinary user doesn't look.
SEARCH_PATH: Final = (
    f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
)


class ServiceError(Exception):
    """A private service could not be started or did not do what was asked."""


class NotInstalledError(ServiceError):
    """A program that the service consists of is not on this machine."""


class Service(Protocol):
    """Something with a beginning and an end, both of which block."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


ServiceT = TypeVar("ServiceT", bound=Service)


@asynccontextmanager
async def running(service: ServiceT) -> AsyncIterator[ServiceT]:
    """Starts a service and stops it in the end, without blocking the loop.

    Both run in one thread: a `stop` after a cancelled `start` has to wait for it.
    """
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="service") as thread:
        try:
            await loop.run_in_executor(thread, service.start)
            yield service
        finally:
            await loop.run_in_executor(thread, service.stop)


def find(program: str) -> str | None:
    """The full path of a program, daemons included."""
    return shutil.which(program, path=SEARCH_PATH)


def need(program: str, package: str) -> str:
    """The full path of a program, or an error that says which package brings it."""
    path = find(program)
    if path is None:
        raise NotInstalledError(f"{program} is not installed: apt-get install {package}")
    return path


def spawn(
    command: Sequence[str], *, folder: Path, output: Path, env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Starts a child in a session of its own, so that Ctrl-C reaches us alone and we end it in order.

    If we are killed, the kernel ends the child; only its folder stays behind.
    """
    mortal = ("setpriv", "--pdeathsig", "TERM", *command)

    def fork() -> subprocess.Popen[bytes]:
        with output.open("ab") as log:
            return subprocess.Popen(
                mortal,
                cwd=folder,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    return _FORKER.submit(fork).result()


def end(process: subprocess.Popen[bytes], *, patience: float) -> None:
    """Asks a child to end, and makes it end when it hasn't after `patience` seconds."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run(command: Sequence[str], *, folder: Path, stdin: str = "") -> str:
    """Runs a tool to its end and answers with what it printed."""
    done = subprocess.run(
        command, cwd=folder, input=stdin, capture_output=True, text=True, check=False
    )
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
    """Loopback ports that nobody listens on; all are held until the last is found, so they differ."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
