"""What was decided is written down before it is sent, once per person and occasion."""

from collections.abc import Sequence
from datetime import timedelta

from halo_controller.incidents import recorder
from halo_controller.incidents.nouns import Incident
from halo_controller.notifications.notifier import FLOOD, Notifier
from halo_controller.notifications.nouns import Notification, NotificationState
from halo_controller.notifications.people import Person
from halo_controller.store import incidents, notifications, people
from tests.support.incidents import cause, person, sighting
from tests.unit.controller.centre import Centre

TICKET = {"kind": "ticket", "client_id": "tickets", "client_secret": "secret://tickets"}


async def written(centre: Centre) -> Sequence[Notification]:
    async with centre.database.read() as db:
        return list(reversed(await notifications.every(db)))


async def known(centre: Centre, *everybody: Person) -> Notifier:
    await centre.set_up()
    async with centre.database.write() as db:
        for one in everybody:
            await people.add(db, one)
    return Notifier(centre.database, centre.clock)


async def see(centre: Centre, *codes: str) -> None:
    async with centre.database.write() as db:
        await recorder.see(db, [sighting(centre.clock.now(), of=cause(code=code)) for code in codes])


async def recover(centre: Centre, one: Incident) -> None:
    async with centre.database.write() as db:
        await recorder.end(db, one, "well again", centre.clock.now())


def occasions(message: Notification) -> list[str]:
    return [topic.occasion.value for topic in message.topics]


async def test_it_writes_an_opening_once_and_then_the_recovery(centre: Centre) -> None:
    notifier = await known(centre, person())
    await notifier.tick()
    assert await written(centre) == []

    await see(centre, "SourceUnavailable")
    for _ in range(3):
        await notifier.tick()
    (opening,) = await written(centre)
    assert (opening.person, opening.state, occasions(opening)) == (
        "jane",
        NotificationState.WAITING,
        ["opened"],
    )

    centre.clock.move(60)
    await recover(centre, opening.topics[0].incident)
    for _ in range(3):
        await notifier.tick()
    assert [occasions(each) for each in await written(centre)] == [["opened"], ["recovered"]]


async def test_after_a_restart_nothing_is_told_twice(centre: Centre) -> None:
    await (await known(centre, person())).tick()
    await see(centre, "SourceUnavailable")
    await Notifier(centre.database, centre.clock).tick()
    await Notifier(centre.database, centre.clock).tick()
    assert len(await written(centre)) == 1


async def test_each_person_is_decided_for_by_themselves_and_each_channel_used(centre: Centre) -> None:
    both = person("bob", channels=[{"kind": "email", "address": "bob@acme.example"}, TICKET])
    notifier = await known(centre, person(), both, person("eve", incoming={"pace": "never"}))
    await see(centre, "SourceUnavailable")
    await notifier.tick()
    assert sorted((one.person, one.channel.kind) for one in await written(centre)) == [
        ("bob", "email"),
        ("bob", "ticket"),
        ("jane", "email"),
    ]


async def test_a_flood_is_one_message_but_a_ticket_each(centre: Centre) -> None:
    both = person(channels=[{"kind": "email", "address": "jane@acme.example"}, TICKET])
    notifier = await known(centre, both)
    codes = [f"Code{number}" for number in range(FLOOD + 1)]
    await see(centre, *codes)
    await notifier.tick()

    messages = await written(centre)
    (mail,) = [one for one in messages if one.channel.kind == "email"]
    assert {topic.incident.cause.code for topic in mail.topics} == set(codes)
    assert len(messages) == 1 + len(codes)


async def test_a_digest_gathers_what_opened_since(centre: Centre) -> None:
    notifier = await known(centre, person(incoming={"pace": "hourly"}))
    for minute, code in ((5, "First"), (20, "Second")):
        centre.clock.move(timedelta(minutes=minute))
        await see(centre, code)
        await notifier.tick()
    assert await written(centre) == []

    centre.clock.move(timedelta(hours=1))
    await notifier.tick()
    (digest,) = await written(centre)
    assert [topic.incident.cause.code for topic in digest.topics] == ["First", "Second"]
    assert digest.reason.endswith("2 of them together")


async def test_too_many_messages_wait_and_come_as_one(centre: Centre) -> None:
    notifier = await known(centre, person(at_most=2))
    for number in range(9):
        centre.clock.move(1)
        await see(centre, f"Code{number}")
        await notifier.tick()
    assert len(await written(centre)) == 2

    centre.clock.move(timedelta(hours=1))
    await notifier.tick()
    *_, rest = await written(centre)
    assert len(rest.topics) == 7
    assert len(await written(centre)) == 3


async def test_old_incidents_are_forgotten_with_what_was_told_of_them(centre: Centre) -> None:
    notifier = await known(centre, person())
    await see(centre, "SourceUnavailable")
    await notifier.tick()
    (opening,) = await written(centre)
    await recover(centre, opening.topics[0].incident)
    async with centre.database.write() as db:
        await incidents.forget(db, centre.clock.now() + timedelta(seconds=1))
        assert await incidents.every(db, only_open=False) == []
