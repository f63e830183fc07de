"""E-mails that come back, read from a real mailbox."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from halo_controller.notifications import returns as returns_module
from halo_controller.notifications.notifier import trial
from halo_controller.notifications.nouns import Notification, NotificationState, Occasion, Topic
from halo_controller.notifications.retrying import GIVEN_UP_AFTER
from halo_controller.notifications.return_box import Place, ReturnBox
from halo_controller.notifications.returns import Returns
from halo_controller.store import notifications, people
from halo_controller.store.database import Database, open_database
from halo_sandbox.services.imap import PrivateImap, private_imap
from halo_shared.clock import Clock, SystemClock
from halo_shared.errors import SettingsInvalid
from halo_shared.transport.memory import MemoryTransport
from tests.support.builders import NOW
from tests.support.clock import ManualClock
from tests.support.incidents import Some, incident, person
from tests.support.proxy import tcp_proxy
from tests.support.rest import an_api
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


async def fate(database: Database, name: str = "0000000a") -> Notification:
    async with database.read() as db:
        return await notifications.get(db, name)


async def change(database: Database, **changes: Some) -> None:
    """Store the message otherwise."""
    changed = (await fate(database)).model_copy(update=changes)
    async with database.write() as db:
        await notifications.save(db, changed)


def reader(database: Database, imap: PrivateImap, clock: Clock | None = None, **url: Some) -> Returns:
    return Returns(database, ReturnBox.read(imap.url(**url), imap.authority), clock or ManualClock())


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
    bounced = await fate(database)
    assert bounced.state is NotificationState.BOUNCED
    imap.deliver(report(DELAYED))
    await returns.tick()
    assert await fate(database) == bounced, "that is the last word"
    assert imap.seen() == [True, True, True]


async def test_without_tls_a_mailbox_is_read_where_the_address_says_so(
    database: Database, imap: PrivateImap
) -> None:
    imap.deliver(report(POSTFIX))

    await reader(database, imap, tls=False).tick()

    assert (await fate(database)).state is NotificationState.BOUNCED
    assert imap.seen() == [True]


async def test_an_opening_is_known_by_its_message_id_alone(database: Database, imap: PrivateImap) -> None:
    wrong = incident(id="0000000b")
    await change(database, topics=(Topic(occasion=Occasion.OPENED, incident=wrong),))
    async with database.write() as db:
        reminder = (await fate(database)).model_copy(
            update={"id": "0000000c", "topics": (Topic(occasion=Occasion.REMINDER, incident=wrong),)}
        )
        await notifications.add(db, reminder)
    imap.deliver(report(POSTFIX, "Message-ID: <incident.0000000c.jane@centre.example>\n"))
    imap.deliver(report(POSTFIX, "Message-ID: <incident.0000000b.jane@centre.example>\n"))

    await reader(database, imap).tick()

    assert (await fate(database)).state is NotificationState.BOUNCED
    assert (await fate(database, "0000000c")).state is NotificationState.SENT
    assert sorted(imap.seen()) == [False, True]


@pytest.mark.parametrize("state", [NotificationState.WAITING, NotificationState.REFUSED])
async def test_a_bounce_that_is_too_early_is_looked_at_again_and_holds_nobody_up(
    database: Database, imap: PrivateImap, state: NotificationState
) -> None:
    await change(database, state=state)
    returns = reader(database, imap)
    imap.deliver(report(POSTFIX))
    with capture_logs() as lines:
        await returns.tick()
        imap.deliver(ANSWER)
        await returns.tick()
    assert (await fate(database)).state is state
    assert imap.seen() == [False, False]

    await change(database, state=NotificationState.SENT)
    await returns.tick()

    assert (await fate(database)).state is NotificationState.BOUNCED
    assert sorted(imap.seen()) == [False, True]
    assert [(line["event"], line.get("why")) for line in lines if line["log_level"] != "debug"] == [
        ("bounce_waits", f"the message is {state}, and not sent")
    ]


async def test_a_bounce_whose_message_is_never_sent_is_left_for_people_in_the_end(
    database: Database, imap: PrivateImap
) -> None:
    await change(database, state=NotificationState.WAITING)
    clock = ManualClock()
    returns = reader(database, imap, clock)
    imap.deliver(report(POSTFIX))
    await returns.tick()

    with capture_logs() as lines:
        clock.move(GIVEN_UP_AFTER + timedelta(seconds=1))
        await returns.tick()
        await change(database, state=NotificationState.SENT)
        await returns.tick()

    assert [line["event"] for line in lines] == ["bounce_left"]
    assert (await fate(database)).state is NotificationState.SENT
    assert imap.seen() == [False]


async def test_only_so_many_bounces_wait(
    database: Database, imap: PrivateImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returns_module, "MOST_EARLY", 2)
    await change(database, state=NotificationState.WAITING)
    for _ in range(5):
        imap.deliver(report(POSTFIX))

    with capture_logs() as lines:
        await reader(database, imap).tick()

    said = [(line["event"], line["number"]) for line in lines]
    waits = [number for event, number in said if event == "bounce_waits"]
    assert [number for event, number in said if event == "bounce_left"] == waits[:3]


async def test_a_mailbox_that_was_made_anew_is_read_from_its_beginning(
    database: Database, imap: PrivateImap
) -> None:
    await change(database, state=NotificationState.WAITING)
    returns = reader(database, imap)
    imap.deliver(report(POSTFIX))
    imap.deliver(ANSWER)
    await returns.tick()

    imap.make_anew()
    await change(database, state=NotificationState.SENT)
    imap.deliver(ANSWER)
    await returns.tick()
    assert (await fate(database)).state is NotificationState.SENT
    assert imap.seen() == [False], "it has the number of the bounce that waited in the other"

    imap.make_anew()
    imap.deliver(report(POSTFIX))
    await returns.tick()
    assert (await fate(database)).state is NotificationState.BOUNCED
    assert imap.seen() == [True]


def test_a_number_means_nothing_in_a_mailbox_that_was_made_anew(imap: PrivateImap) -> None:
    box = ReturnBox.read(imap.url(), imap.authority)
    imap.deliver(ANSWER)
    place, _ = box.unread(Place())
    imap.make_anew()
    imap.deliver(ANSWER)
    _, [(number, _)] = box.unread(Place())

    box.mark(place.life, [number])

    assert imap.seen() == [False]


async def test_what_the_server_does_not_mark_is_marked_later_and_told_once(
    database: Database, imap: PrivateImap
) -> None:
    imap.deliver(report(POSTFIX))
    async with tcp_proxy(imap.url(tls=False)) as line:
        returns = Returns(database, ReturnBox.read(line.url), ManualClock())
        line.alter(b"OK Store completed", b"NO Not permitted")
        with capture_logs() as refused:
            await returns.tick()
            await returns.tick()
        imap.unsee()
        line.restore()
        with capture_logs() as granted:
            await returns.tick()

    assert [said["event"] for said in refused] == ["notification_bounced", "bounces_unread"]
    assert "does not let us mark e-mails as read: [b'Not permitted" in refused[1]["why"]
    assert [said["event"] for said in granted] == ["bounces_read_again"]
    assert (await fate(database)).state is NotificationState.BOUNCED
    assert imap.seen() == [True]


async def test_a_person_is_shown_with_what_came_back_from_them(database: Database, imap: PrivateImap) -> None:
    async with database.write() as db:
        await people.add(db, person(tenant=None))
    async with an_api(database, MemoryTransport()) as api:
        assert await api.get("/people/jane/bounces") == []
        imap.deliver(report(POSTFIX))
        await reader(database, imap, SystemClock()).tick()
        (bounce,) = await api.get("/people/jane/bounces")

    bounced = await fate(database)
    assert (bounce["id"], bounce["result"], bounce["state"]) == (bounced.id, bounced.result, "bounced")
    assert bounce["bounced_at"]


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
