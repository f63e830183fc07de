"""What a message says, before it is dressed for its channel. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from halo_controller.incidents.headlines import title
from halo_controller.incidents.nouns import Incident
from halo_controller.notifications.nouns import Notification, Occasion, Topic

PRODUCT: Final = "halo-integrator"

_WORDS: Final = {
    Occasion.OPENED: "New",
    Occasion.REMINDER: "Still so",
    Occasion.RECOVERED: "Over",
}


@dataclass(frozen=True, slots=True)
class Section:
    """One incident, told to a person."""

    word: str
    """New, still so, over."""
    well: bool
    """Whether this is good news."""
    title: str
    text: str
    advice: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """A whole message."""

    subject: str
    sections: tuple[Section, ...]
    why: str
    """Why the person gets it."""


def letter(notification: Notification) -> Letter:
    """What this message says."""
    sections = tuple(_section(topic) for topic in notification.topics) or (_trial(notification),)
    return Letter(_subject(notification.topics), sections, f"You get this because {notification.reason}.")


def _subject(topics: Sequence[Topic]) -> str:
    match topics:
        case []:
            return f"[{PRODUCT}] A message to see whether messages arrive"
        case [Topic() as one]:
            # The same words each time, and a reply after the first: so mail programs keep the thread together.
            answer = "" if one.occasion is Occasion.OPENED else "Re: "
            return f"{answer}[{PRODUCT}] {title(one.incident)}"
        case _:
            over = sum(topic.occasion is Occasion.RECOVERED for topic in topics)
            counts = (
                f"{len(topics) - over} open" if len(topics) > over else "",
                f"{over} over" if over else "",
            )
            return f"[{PRODUCT}] {len(topics)} incidents: {', '.join(filter(None, counts))}"


def _section(topic: Topic) -> Section:
    incident = topic.incident
    over = topic.occasion is Occasion.RECOVERED
    return Section(
        word=_WORDS[topic.occasion],
        well=over,
        title=title(incident),
        text=incident.recovery if over else incident.message,
        advice="" if over else incident.advice,
        facts=tuple(_facts(incident, over=over)),
    )


def _facts(incident: Incident, *, over: bool) -> list[tuple[str, str]]:
    facts = [
        ("since", _stamp(incident.opened_at)),
        ("until", _stamp(incident.recovered_at) if incident.recovered_at else ""),
        ("seen", _seen(incident)),
        ("it was", incident.message if over else ""),
        ("as with", _examples(incident)),
        ("integrator", incident.integrator or ""),
        ("agent", incident.agent or ""),
        ("look", f"halo-controller runs show {incident.run}" if incident.run else ""),
        ("take it on", "" if over else f"halo-controller incidents acknowledge {incident.id}"),
    ]
    return [(name, value) for name, value in facts if value]


def _seen(incident: Incident) -> str:
    if incident.errors == 1:
        return ""
    runs = f" in {incident.failures:,} runs" if incident.failures > 1 else ""
    return f"{incident.errors:,} times{runs}"


def _examples(incident: Incident) -> str:
    more = ", ..." if incident.errors > len(incident.examples) else ""
    return ", ".join(incident.examples) + more if incident.examples else ""


def _trial(notification: Notification) -> Section:
    return Section(
        word="Trial",
        well=True,
        title="Messages arrive",
        text=f"This is how {PRODUCT} reaches {notification.person} through {notification.channel.kind}.",
        advice="",
        facts=(("sent", _stamp(notification.created_at)),),
    )


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
