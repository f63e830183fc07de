"""Slack, by an incoming webhook: blocks within Slack's limits."""

import json
from typing import Any, Final

from halo_controller.notifications.letters import Letter, Section

Block = dict[str, Any]  # Any: as Slack's Block Kit nests

_HEADER: Final = 150
_SECTION: Final = 3000
_SECTIONS: Final = 12
"""Three blocks each, of fifty that Slack takes."""


def payload(said: Letter) -> bytes:
    """The message as Slack wants it; `text` is what notifications on a phone show."""
    blocks = [block for section in said.sections[:_SECTIONS] for block in _blocks(section)]
    if more := len(said.sections) - _SECTIONS:
        blocks += [_context(f"and {more} more: halo-controller incidents list")] if more > 0 else []
    blocks.append(_context(said.why))
    return json.dumps({"text": _safe(said.subject), "blocks": blocks}).encode()


def _blocks(section: Section) -> list[Block]:
    mark = ":white_check_mark:" if section.well else ":rotating_light:"
    head = _cut(f"{mark} {section.word}: {section.title}", _HEADER)
    advice = f"\n*What to do:* {_safe(section.advice)}" if section.advice else ""
    facts = "\n".join(f"{name}: {value}" for name, value in section.facts)
    return [
        {"type": "header", "text": {"type": "plain_text", "text": head, "emoji": True}},
        {"type": "section", "text": {"type": "mrkdwn", "text": _cut(_safe(section.text) + advice, _SECTION)}},
        _context(facts),
    ]


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": _cut(_safe(text), _SECTION)}]}


def _safe(text: str) -> str:
    """Without what Slack would read as a mention or a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
