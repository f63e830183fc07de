"""Microsoft Teams, by the webhook of a Workflow: an adaptive card within its 28 KB."""

import json
from typing import Any, Final

from halo_controller.notifications.letters import Letter, Section

Element = dict[str, Any]  # Any: as adaptive cards nest

_LARGEST: Final = 27 * 1024
_CARD: Final = "application/vnd.microsoft.card.adaptive"
_TEXT: Final = 2_000


def payload(said: Letter) -> bytes:
    """The message as Teams wants it; what does not fit is counted."""
    for count in range(len(said.sections), 0, -1):
        body = _message(said, count)
        if len(body) <= _LARGEST:
            return body
    return _message(said, 0)


def _message(said: Letter, count: int) -> bytes:
    elements = [element for section in said.sections[:count] for element in _elements(section)]
    if more := len(said.sections) - count:
        elements.append(_text(f"and {more} more: halo-controller incidents list"))
    elements.append(_text(said.why, isSubtle=True, size="Small"))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": elements,
    }
    return json.dumps({"type": "message", "attachments": [{"contentType": _CARD, "content": card}]}).encode()


def _elements(section: Section) -> list[Element]:
    colour = "Good" if section.well else "Attention"
    facts = [{"title": name, "value": value[:_TEXT]} for name, value in section.facts]
    return [
        _text(f"{section.word}: {section.title}", weight="Bolder", color=colour),
        _text(section.text),
        *([_text(f"What to do: {section.advice}")] if section.advice else []),
        {"type": "FactSet", "facts": facts},
    ]


def _text(text: str, **look: str | bool) -> Element:
    return {"type": "TextBlock", "text": text[:_TEXT], "wrap": True, **look}
