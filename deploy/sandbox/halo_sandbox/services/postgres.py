"""A private PostgreSQL as a child process, beside any other PostgreSQL of the machine."""

import asyncio
import os
import pwd
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from halo_sandbox.services import processes
from halo_sandbox.services.processes import NotInstalledError, ServiceError

PROGRAMS: Final = Path("/usr/lib/postgresql")
"""Debian keeps each version's programs in a folder of its own."""
SYSTEM_USER: Final = "postgres"
START_SECONDS: Final = 60
CONFIGURATION: Final = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 100
shared_buffers = '64MB'
fsync = {durable}
full_page_writes = {durable}
"""


def programs() -> Path:
    """The folder of the newest version's programs; raises NotInstalledError."""
    found = [folder / "bin" for folder in PROGRAMS.glob("*") if (folder / "bin/initdb").exists()]
    if not found:
        raise NotInstalledError("PostgreSQL is not installed: apt-get install postgresql")
    return max(found, key=lambda path: float(path.parent.name))


@contextmanager
def serving(*, durable: bool = True) -> Iterator["PrivatePostgres"]:
    """A private server for the length of a `with`; one that is not durable is faster, and loses data with the power."""
    folder_of_programs = programs()
    with TemporaryDirectory(prefix="halo-postgres-", ignore_cleanup_errors=True) as folder:
        private = PrivatePostgres(Path(folder), folder_of_programs, durable=durable)
        private.start()
        try:
            yield private
        finally:
            private.stop()


class PrivatePostgres:
    """A running server that is ours alone, with a superuser whose password nobody else knows."""

    def __init__(self, folder: Path, bin_: Path, *, durable: bool) -> None:
        self.folder = folder
        self.password = secrets.token_urlsafe(16)
        (self.port,) = processes.free_ports(1)
        self._bin = bin_
        self._server: subprocess.Popen[bytes] | None = None
        self._write("on" if durable else "off")

    def url(self, database: str = "postgres") -> str:
        """Where a client finds this database."""
        return f"postgresql://halo:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Starts the server on its port and data."""
        command = self._as_user(str(self._bin / "postgres"), "-D", str(self.folder / "data"))
        self._server = processes.spawn(
            command, folder=self.folder, output=self.folder / "output", env={"LANG": "C.UTF-8"}
        )
        self._wait_until_ready(self._server)

    def stop(self) -> None:
        """Ends the server and throws out who is connected, as a restart of the machine does."""
        if self._server is not None:
            data = str(self.folder / "data")
            self._run("pg_ctl", "-D", data, "-m", "fast", "-w", "stop")
            self._server.wait(processes.STOP_SECONDS)
            self._server = None

    async def restart(self, *, away: float = 0) -> None:
        """Ends the server and starts it again after so many seconds."""
        await asyncio.to_thread(self.stop)
        await asyncio.sleep(away)
        await asyncio.to_thread(self.start)

    def create(self, database: str, *, template: str = "template0") -> str:
        """A fresh database, a copy of the template; its URL."""
        self.sql(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Throws a database away, and whoever uses it out."""
        self.sql(f'DROP DATABASE "{database}" WITH (FORCE)')

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Runs one statement as superuser and answers with what it printed."""
        return self._run(
            "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, self.url(database)
        )

    def _write(self, durable: str) -> None:
        secret = self.folder / "password"
        secret.write_text(self.password)
        if os.geteuid() == 0:
            account = pwd.getpwnam(SYSTEM_USER)
            for path in (self.folder, secret):
                os.chown(path, account.pw_uid, account.pw_gid)
        data = self.folder / "data"
        self._run("initdb", "-D", str(data), "-U", "halo", "-A", "scram-sha-256", "--pwfile", str(secret), "-E", "UTF8", "--locale", "C.UTF-8", "--no-instructions")  # fmt: skip
        with (data / "postgresql.conf").open("a") as configuration:
            configuration.write(CONFIGURATION.format(port=self.port, durable=durable))

    def _run(self, program: str, *arguments: str) -> str:
        return processes.run(self._as_user(str(self._bin / program), *arguments), folder=self.folder)

    def _as_user(self, *command: str) -> tuple[str, ...]:
        """The server refuses to run as root: there it runs as the account that its package made."""
        if os.geteuid() != 0:
            return command
        return ("setpriv", "--reuid", SYSTEM_USER, "--regid", SYSTEM_USER, "--clear-groups", *command)

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        why = ""
        while time.monotonic() < deadline and server.poll() is None:
            try:
                self.sql("SELECT 1")
            except ServiceError as error:
                why = str(error)
                time.sleep(0.05)
            else:
                return
        said = processes.last_lines(self.folder / "output") or why
        raise ServiceError(f"the private PostgreSQL did not start; it said:\n{said}")
