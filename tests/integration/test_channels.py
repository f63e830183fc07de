"""Messages over real connections: a mail server with TLS and a login, and a receiver of webhooks."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from halo_controller.incidents.nouns import Incident
from halo_controller.notifications.channels.email import MailServer
from halo_controller.notifications.notifier import trial
from halo_controller.notifications.nouns import Notification, NotificationState, Occasion, Topic
from halo_controller.notifications.people import Channel
from halo_controller.notifications.postroom import open_postroom
from halo_controller.notifications.retrying import GIVEN_UP_AFTER
from halo_controller.notifications.sender import Sender
from halo_controller.store import notifications
from halo_controller.store.database import Database, open_database
from halo_sandbox.services.mailbox import Mailbox, private_mailbox, text_of
from halo_shared.certificates import SEEN
from halo_shared.redaction import Redactor
from halo_shared.secrets import LocalSecrets
from tests.support import webhooks
from tests.support.builders import NOW
from tests.support.clock import ManualClock
from tests.support.incidents import Some, cause, incident, person
from tests.support.services import needed
from tests.support.webhooks import SECRET, Fault, Receiver, receiving

FROM = "Halo sync <halo@centre.example>"
JANE = "jane@acme.example"


def message(*topics: tuple[Occasion, Incident], name: str = "0000000a", **channel: Some) -> Notification:
    """One message to Jane, by e-mail unless another channel is named."""
    through: Channel = person(channels=[channel or {"kind": "email", "address": JANE}]).channels[0]
    written = trial(person(), through, "jane wants incoming errors", NOW)
    told = tuple(Topic(occasion=occasion, incident=one) for occasion, one in topics)
    return written.model_copy(update={"id": name, "topics": told})


class Desk:
    """A sender over a database, and what it did."""

    def __init__(self, database: Database, clock: ManualClock, folder: Path) -> None:
        self._database = database
        self._clock = clock
        self._folder = folder

    async def send(self, *messages: Notification, server: MailServer | None = None) -> list[Notification]:
        """What became of these messages after one round."""
        async with self._database.write() as db:
            for one in messages:
                await notifications.add(db, one)
        return await self.round([one.id for one in messages], server=server)

    async def round(self, names: list[str], *, server: MailServer | None = None) -> list[Notification]:
        """What became of them after one more round, by a sender that was just started."""
        secrets = {
            "HALO_SECRET_HOOK": SECRET,
            **{f"HALO_SECRET_{kind}".upper(): url for kind, url in self.urls.items()},
        }
        local = LocalSecrets(self._folder / "secrets.yaml", secrets, Redactor())
        async with open_postroom(server, local, self._clock) as postroom:
            await Sender(self._database, postroom, self._clock).tick()
        async with self._database.read() as db:
            return [await notifications.get(db, name) for name in names]

    urls: dict[str, str] = {}  # noqa: RUF012  set by the fixture


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def desk(tmp_path: Path, clock: ManualClock, receiver: Receiver) -> AsyncIterator[Desk]:
    async with open_database(tmp_path / "controller.db") as database:
        made = Desk(database, clock, tmp_path)
        made.urls = {kind: receiver.url(kind) for kind in ("slack", "teams", "signed", "plain")}
        made.urls["tail"] = receiver.url("plain").replace("http://", "json://")
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as one:
        yield one


@pytest.fixture
def post() -> Iterator[Mailbox]:
    with needed(), private_mailbox() as mailbox:
        yield mailbox


def reached(post: Mailbox, **url: str) -> MailServer:
    return MailServer.read(post.url(**url), FROM, post.authority)


async def test_an_email_says_what_is_wrong_and_what_to_do_in_text_and_html(desk: Desk, post: Mailbox) -> None:
    wrong = incident(message="Überraschung: dc1 <does> not answer", errors=12, examples=("Žofie", "李雷"))
    (sent,) = await desk.send(message((Occasion.OPENED, wrong)), server=reached(post))

    assert (sent.state, sent.sent_at, sent.attempts) == (NotificationState.SENT, NOW, 1)
    (came,) = post.messages
    assert came["From"] == FROM
    assert came["To"] == JANE
    assert came["Subject"] == "[halo-integrator] acme/people: The tool to read from is not available"
    assert came["Auto-Submitted"] == "auto-generated"
    assert came.get_content_type() == "multipart/alternative"
    text, html = (part.get_content() for part in came.iter_parts())
    assert "Überraschung: dc1 <does> not answer" in text
    assert "What to do: The next run tries it again" in text
    assert "12 times" in text
    assert "Žofie, 李雷, ..." in text
    assert f"halo-controller incidents acknowledge {wrong.id}" in text
    assert "You get this because jane wants incoming errors." in text
    assert "dc1 &lt;does&gt; not answer" in html


async def test_what_is_said_of_one_incident_is_one_thread(desk: Desk, post: Mailbox) -> None:
    wrong = incident()
    over = wrong.model_copy(update={"recovered_at": NOW, "recovery": "Run 42 went through without it."})
    for number, topic in enumerate(
        [(Occasion.OPENED, wrong), (Occasion.REMINDER, wrong), (Occasion.RECOVERED, over)]
    ):
        await desk.send(message(topic, name=f"{number:08x}"), server=reached(post))

    opening, reminder, recovery = post.messages
    assert opening["References"] is None
    assert reminder["References"] == recovery["In-Reply-To"] == opening["Message-ID"]
    assert recovery["Subject"] == f"Re: {opening['Subject']}"
    assert len({each["Message-ID"] for each in post.messages}) == 3
    assert "Over: acme/people" in text_of(recovery)


async def test_a_digest_is_one_message_with_everything(desk: Desk, post: Mailbox) -> None:
    several = [(Occasion.OPENED, incident(of=cause(code=f"Code{number}"))) for number in range(12)]
    await desk.send(message(*several), server=reached(post))
    (came,) = post.messages
    assert came["Subject"] == "[halo-integrator] 12 incidents: 12 open"
    assert all(f"Code{number}" in text_of(came) for number in range(12))


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the server does not see that it has TLS already
async def test_tls_from_the_start(desk: Desk) -> None:
    with needed(), private_mailbox(implicit_tls=True) as server:
        (sent,) = await desk.send(message(), server=reached(server))
        assert (sent.state, len(server.messages)) == (NotificationState.SENT, 1)
    assert [one.of for one in SEEN.nearest()] == ["the mail server"]


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(desk: Desk, post: Mailbox) -> None:
    (kept,) = await desk.send(message(), server=MailServer.read(post.url(), FROM))
    assert kept.state is NotificationState.WAITING
    assert "certificate" in kept.result.lower()
    assert post.messages == []


async def test_a_wrong_password_loses_no_message(desk: Desk, post: Mailbox, clock: ManualClock) -> None:
    (kept,) = await desk.send(message(), server=reached(post, password="wrong-one"))
    assert kept.state is NotificationState.WAITING
    assert "refuses the user name or password (535" in kept.result
    assert "HALO_CONTROLLER_MAIL_URL" in kept.result
    assert "wrong-one" not in kept.result

    clock.move(kept.next_at - NOW)
    (sent,) = await desk.round([kept.id], server=reached(post))
    assert (sent.state, sent.attempts, len(post.messages)) == (NotificationState.SENT, 2, 1)


async def test_an_address_that_is_refused_for_good_is_not_tried_again(desk: Desk, post: Mailbox) -> None:
    post.refusals[JANE] = "550 5.1.1 no such user"
    (refused,) = await desk.send(message(), server=reached(post))
    assert refused.state is NotificationState.REFUSED
    assert f"does not take mail for {JANE}: 550 5.1.1 no such user" in refused.result


async def test_a_greylisted_address_waits_and_another_person_does_not(
    desk: Desk, post: Mailbox, clock: ManualClock
) -> None:
    post.refusals[JANE] = "451 4.7.1 come back later"
    bob = message(name="0000000b", kind="email", address="bob@acme.example")
    waiting, sent = await desk.send(message(), bob, server=reached(post))
    assert (waiting.state, sent.state) == (NotificationState.WAITING, NotificationState.SENT)
    assert waiting.next_at > NOW

    (same,) = await desk.round([waiting.id], server=reached(post))
    assert same.attempts == 1  # it is not tried before its time

    post.refusals.clear()
    clock.move(waiting.next_at - NOW)
    (later,) = await desk.round([waiting.id], server=reached(post))
    assert later.state is NotificationState.SENT


async def test_without_a_mail_server_the_message_waits_and_says_what_to_set(desk: Desk) -> None:
    (kept,) = await desk.send(message())
    assert kept.state is NotificationState.WAITING
    assert "HALO_CONTROLLER_MAIL_URL" in kept.result


async def test_after_two_days_in_vain_it_is_given_up(desk: Desk, clock: ManualClock) -> None:
    nowhere = MailServer.read(f"smtp://127.0.0.1:{webhooks.a_closed_port()}", FROM)
    (kept,) = await desk.send(message(), server=nowhere)
    pauses = []
    while kept.state is NotificationState.WAITING:
        pauses.append(kept.next_at - clock.now())
        clock.move(kept.next_at - clock.now())
        (kept,) = await desk.round([kept.id], server=nowhere)

    assert kept.state is NotificationState.GIVEN_UP
    assert NOW + GIVEN_UP_AFTER - clock.now() < timedelta(hours=1)
    assert pauses == sorted(pauses)


async def test_a_webhook_is_signed_with_its_time(desk: Desk, receiver: Receiver) -> None:
    wrong = incident()
    (sent,) = await desk.send(
        message((Occasion.OPENED, wrong), kind="webhook", url=receiver.url("signed"), secret="secret://hook")
    )
    assert (sent.state, sent.result) == (NotificationState.SENT, "200 {}")
    ((_, body, headers),) = receiver.got
    assert headers["x-halo-delivery"] == body["id"] == sent.id
    (told,) = body["incidents"]
    assert (told["occasion"], told["state"], told["cause"]["code"]) == ("opened", "open", "SourceUnavailable")
    assert told["message"] == wrong.message


async def test_a_webhook_without_the_right_signature_is_refused(desk: Desk, receiver: Receiver) -> None:
    (refused,) = await desk.send(message(kind="webhook", url=receiver.url("signed")))
    assert (refused.state, refused.result.endswith("401 bad signature")) == (NotificationState.REFUSED, True)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_receiver_says_when_to_come_back(
    desk: Desk, receiver: Receiver, clock: ManualClock, status: int
) -> None:
    receiver.faults = [Fault(status, {"Retry-After": "120"})]
    (kept,) = await desk.send(message(kind="webhook", url=receiver.url("plain")))
    assert (kept.state, kept.next_at - NOW) == (NotificationState.WAITING, timedelta(seconds=120))

    clock.move(120)
    (sent,) = await desk.round([kept.id])
    assert (sent.state, len(receiver.got)) == (NotificationState.SENT, 1)


async def test_a_receiver_that_is_away(desk: Desk) -> None:
    (kept,) = await desk.send(message(kind="webhook", url=f"http://127.0.0.1:{webhooks.a_closed_port()}/"))
    assert (kept.state, "cannot be reached" in kept.result) == (NotificationState.WAITING, True)


@pytest.mark.parametrize("kind", ["slack", "teams"])
@pytest.mark.parametrize("count", [0, 1, 60])
async def test_chats_take_it_however_much_there_is(
    desk: Desk, receiver: Receiver, kind: str, count: int
) -> None:
    long = "x" * 4_000
    several = [(Occasion.OPENED, incident(message=long, examples=(long,) * 5)) for _ in range(count)]
    (sent,) = await desk.send(message(*several, kind=kind, url=f"secret://{kind}"))
    assert sent.state is NotificationState.SENT, sent.result
    assert len(receiver.bodies(kind)) == 1


async def test_a_chats_url_is_a_secret_and_is_shown_nowhere(desk: Desk, receiver: Receiver) -> None:
    receiver.faults = [Fault(404)]
    (refused,) = await desk.send(message(kind="slack", url="secret://slack"))
    assert refused.state is NotificationState.REFUSED
    assert "secret://slack does not take it: 404" in refused.result
    assert receiver.address not in refused.model_dump_json()


async def test_slack_reads_no_mention_out_of_an_error(desk: Desk, receiver: Receiver) -> None:
    await desk.send(
        message((Occasion.OPENED, incident(message="<!channel> failed")), kind="slack", url="secret://slack")
    )
    (body,) = receiver.bodies("slack")
    assert "&lt;!channel&gt; failed" in body["blocks"][1]["text"]["text"]


async def test_a_secret_that_is_missing_is_waited_for(desk: Desk) -> None:
    (kept,) = await desk.send(message(kind="teams", url="secret://elsewhere"))
    assert kept.state is NotificationState.WAITING
    assert "HALO_SECRET_ELSEWHERE" in kept.result


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a library's own imports
async def test_the_long_tail_goes_through_apprise(desk: Desk, receiver: Receiver) -> None:
    (sent,) = await desk.send(message((Occasion.OPENED, incident()), kind="apprise", url="secret://tail"))
    assert sent.state is NotificationState.SENT, sent.result
    (body,) = receiver.bodies("plain")
    assert body["title"].startswith("[halo-integrator] acme/people")
