"""The controller as a process: its parts, its token and address files, its signals, its end."""

import asyncio
import hashlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.access.roles import Action, Role
from halo_controller.access.tokens import Bearer, Token
from halo_controller.api.app import build
from halo_controller.api.server import listen, listening
from halo_controller.audit.nouns import Noun
from halo_controller.audit.recording import Change, Occasion, record
from halo_controller.audit.snapshots import snapshot
from halo_controller.cli import output
from halo_controller.incidents.deadman import Watcher
from halo_controller.monitors.broker import Monitors, open_monitors
from halo_controller.notifications.channels.email import MailServer
from halo_controller.notifications.postroom import open_postroom
from halo_controller.notifications.return_box import ReturnBox
from halo_controller.settings import Settings
from halo_controller.store import tokens
from halo_controller.store.database import Database, open_database
from halo_controller.wiring import running
from halo_shared import logs
from halo_shared.clock import Clock, SystemClock
from halo_shared.errors import CredentialRefused, PermissionMissing
from halo_shared.exits import leaves
from halo_shared.redaction import Redactor
from halo_shared.secrets import LocalSecrets
from halo_shared.telemetry import exported
from halo_shared.transport import Transport
from halo_shared.transport.amqp import AmqpTransport

log = logs.get(__name__)

OPERATOR: Final = "operator"
ITSELF: Final = Bearer(name="controller", role=Role.OPERATOR)
"""Who makes the operator's token."""


def run(settings: Settings) -> None:
    """Serve until a signal; raises, or leaves with 1, when a part of the controller dies."""
    redactor = Redactor()
    logs.configure(redactor, level=settings.log_level, style=settings.log_format)
    try:
        with exported("halo-integrator-controller", socket.gethostname(), os.environ):
            asyncio.run(serve(settings, redactor))
    except asyncio.CancelledError:
        log.info("controller_stopped")
    except ExceptionGroup as group:
        # A loop of the controller has died; to linger without it would be worse than to be started again.
        error = next(leaves(group))
        if isinstance(error, CredentialRefused | PermissionMissing):
            raise  # the broker lets us in no more: told as by every other command
        log.error("controller_died", exc_info=group)
        reason = redactor.scrub(f"{type(error).__name__}: {error}")
        output.say_error(f"The controller stopped, because a part of it failed: {reason}")
        sys.exit(1)


async def serve(settings: Settings, redactor: Redactor) -> None:
    """A controller and its API until this task is cancelled."""
    with _cancelled_by_signals():
        async with (
            AmqpTransport(settings.broker_url, name="halo-controller") as transport,
            open_monitors(settings.broker_url, settings.broker_api_url) as monitors,
            serving(settings, transport, redactor, monitors) as url,
        ):
            log.info("controller_ready", url=url, broker=transport.address, data=str(settings.data))
            output.say(f"The controller listens at {url}; its API is described at {url}/docs.")
            await asyncio.Event().wait()


@asynccontextmanager
async def serving(
    settings: Settings, transport: Transport, redactor: Redactor, monitors: Monitors | None = None
) -> AsyncIterator[str]:
    """A controller and its API, at the URL it gives; what it opened is closed in reverse order."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.database))
        await asyncio.to_thread(
            settings.data.mkdir, parents=True, exist_ok=True
        )  # for the token and the address
        here = f"{socket.gethostname()}:{settings.data}"
        redactor.learn(await operator_token(database, settings.token_file, clock, at=here))
        listener = stack.enter_context(listen(settings.host, settings.port))
        secrets = LocalSecrets(settings.secrets_file, os.environ, redactor)
        postroom = await stack.enter_async_context(
            open_postroom(_mail_server(settings, redactor), secrets, clock, _return_box(settings, redactor))
        )
        controller = await stack.enter_async_context(
            running(
                database,
                transport,
                clock,
                postroom=postroom,
                watcher=_watcher(settings),
                monitors=monitors,
                name=here,
            )
        )
        url = await stack.enter_async_context(listening(build(controller), listener))
        await stack.enter_async_context(_address_left(url, settings.address_file))
        yield url


def _watcher(settings: Settings) -> Watcher | None:
    return Watcher(settings.watchdog_url, settings.watchdog_seconds) if settings.watchdog_url else None


def _return_box(settings: Settings, redactor: Redactor) -> ReturnBox | None:
    if settings.bounces_url is None:
        return None
    box = ReturnBox.read(settings.bounces_url, settings.mail_ca)
    redactor.learn(box.password)
    return box


def _mail_server(settings: Settings, redactor: Redactor) -> MailServer | None:
    if settings.mail_url is None:
        return None
    server = MailServer.read(settings.mail_url, settings.mail_from, settings.mail_ca)
    if server.password:
        redactor.learn(server.password)
    return server


async def operator_token(database: Database, file: Path, clock: Clock, *, at: str = "") -> SecretStr:
    """The token that lets the operator in; a new one at the first start, and when its file is gone.

    Of controllers that share a database each has a token of its own, told apart by where it runs.
    """
    place = hashlib.blake2b(at.encode(), digest_size=6).hexdigest()  # short enough for a name
    owner = f"{OPERATOR} at {place}" if database.shared else OPERATOR
    known = await asyncio.to_thread(_read, file)
    async with database.write() as db:
        found = await tokens.find(db, known) if known else None
        if known and found and found.name == owner:
            return SecretStr(known)
        fresh = tokens.fresh()
        await asyncio.to_thread(_write_private, file, fresh)
        await _put_operator(db, owner, fresh, clock.now())
    return SecretStr(fresh)


async def _put_operator(db: AsyncConnection, name: str, value: str, now: datetime) -> None:
    change = Change(db, Noun.TOKEN, name, before=await snapshot(db, Noun.TOKEN, name))
    await tokens.put(db, Token(name=name, role=Role.OPERATOR, created_at=now), value)
    change.after = await snapshot(db, Noun.TOKEN, name)
    await record(change, Occasion(ITSELF, Action.TOKENS_ADD, request="start", at=now))


@contextmanager
def _cancelled_by_signals() -> Iterator[None]:
    """Let SIGINT and SIGTERM cancel this task; also on Windows, whose event loop handles no signals."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    stop = task.cancel if task else loop.stop
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        # Called between two bytecodes of the main thread; the loop must be woken to notice.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@asynccontextmanager
async def _address_left(url: str, file: Path) -> AsyncIterator[None]:
    """While the controller runs, commands on this machine find its address in this file."""
    await asyncio.to_thread(_write_whole, file, url)
    try:
        yield
    finally:
        await asyncio.to_thread(file.unlink, missing_ok=True)


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8").strip() if file.exists() else None


def _write_whole(file: Path, text: str) -> None:
    """Write a file that others may read at any moment: they find all of it, or nothing."""
    part = file.with_suffix(".new")
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(file)


def _write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first moment on."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text + "\n")
