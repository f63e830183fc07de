"""E-mails that come back, read from a real mailbox."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from halo_controller.notifications.notifier import trial
from halo_controller.notifications.nouns import Notification, NotificationState
from halo_controller.notifications.returns import ReturnBox, Returns
from halo_controller.store import notifications
from halo_controller.store.database import Database, open_database
from halo_sandbox.services.imap import PrivateImap, private_imap
from halo_shared.errors import SettingsInvalid
from tests.support.builders import NOW
from tests.support.clock import ManualClock
from tests.support.incidents import person
from tests.support.services import needed
from tests.unit.controller.notifications.test_bounces import DELAYED, POSTFIX, report

ANSWER = b"Subject: Out of office\r\n\r\nBack on Monday.\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateImap]:
    with needed(), private_imap() as imap:
        yield imap


@pytest.fixture
def imap(server: PrivateImap) -> PrivateImap:
    server.empty()
    return server


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """One message to Jane, which the mail server took."""
    async with open_database(tmp_path / "controller.db") as database:
        written = trial(person(), person().channels[0], "jane wants incoming errors", NOW)
        sent = {"id": "0000000a", "state": NotificationState.SENT, "sent_at": NOW, "result": "250 OK"}
        async with database.write() as db:
            await notifications.add(db, written.model_copy(update=sent))
        yield database


async def fate(database: Database) -> Notification:
    async with database.read() as db:
        return await notifications.get(db, "0000000a")


def reader(database: Database, imap: PrivateImap, **url: str) -> Returns:
    return Returns(database, ReturnBox.read(imap.url(**url), imap.authority), ManualClock())


async def test_a_message_that_came_back_says_so_and_other_mail_is_left_alone(
    database: Database, imap: PrivateImap
) -> None:
    imap.deliver(ANSWER)
    imap.deliver(report(POSTFIX))

    await reader(database, imap).tick()

    bounced = await fate(database)
    assert bounced.state is NotificationState.BOUNCED
    assert bounced.result == (
        "it came back from jane@acme.example: 5.1.1 550 5.1.1 <jane@acme.example>: "
        "Recipient address rejected: User unknown"
    )
    assert sorted(imap.seen()) == [False, True]


async def test_a_delay_is_noted_and_ends_nothing(database: Database, imap: PrivateImap) -> None:
    returns = reader(database, imap)
    imap.deliver(report(DELAYED))
    await returns.tick()
    delayed = await fate(database)

    imap.deliver(report(POSTFIX))
    await returns.tick()

    assert (delayed.state, delayed.result) == (
        NotificationState.SENT,
        "it is delayed on its way to jane@acme.example: 4.4.1 connect to mail.acme.example: Connection timed out",
    )
    assert (await fate(database)).state is NotificationState.BOUNCED
    assert imap.seen() == [True, True]


async def test_a_bounce_of_a_message_that_is_forgotten_is_left_for_people(
    database: Database, imap: PrivateImap
) -> None:
    imap.deliver(report(POSTFIX, "X-Halo-Notification: ffffffff\n"))

    await reader(database, imap).tick()

    assert imap.seen() == [False]


async def test_a_mailbox_that_refuses_is_told_once_and_harms_nothing(
    database: Database, imap: PrivateImap
) -> None:
    imap.deliver(report(POSTFIX))
    refused = reader(database, imap, password="wrong-secret-7")

    with capture_logs() as lines:
        await refused.tick()
        await refused.tick()

    assert [line["event"] for line in lines] == ["bounces_unread"]
    assert "wrong-secret-7" not in str(lines)
    assert (await fate(database)).state is NotificationState.SENT


@pytest.mark.parametrize("url", ["imap://x", "imaps:///INBOX", "imaps://host/INBOX", "nonsense"])
def test_a_wrong_address_says_how_it_is_written(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="write imaps://USER:PASSWORD@HOST/INBOX"):
        ReturnBox.read(url)
