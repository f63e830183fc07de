"""A real receiver of webhooks: as strict as Slack, Teams or a signed endpoint are, and with faults on demand."""

import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from halo_controller.api.server import listen, listening

SECRET: Final = "shared-between-us"
_BLOCKS: Final = {"section", "header", "divider", "context", "actions", "image", "rich_text"}
_ELEMENTS: Final = {"TextBlock", "FactSet", "Container", "ColumnSet", "Image", "ActionSet", "RichTextBlock"}

Json = Any  # Any: whatever was posted


@dataclass(slots=True)
class Fault:
    """One answer that is not the usual one."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Receiver:
    """What came, and what is answered next."""

    address: str = ""
    got: list[tuple[str, Json, dict[str, str]]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    """Answered in turn, before the usual answers."""

    def url(self, kind: str) -> str:
        """Where messages of this kind are posted: slack, teams, signed or plain."""
        return f"{self.address}/{kind}"

    def bodies(self, kind: str) -> list[Json]:
        """What was taken of this kind."""
        return [body for came, body, _ in self.got if came == kind]

    async def take(self, kind: str, request: Request) -> Response:
        """Answer as that service does."""
        if self.faults:
            fault = self.faults.pop(0)
            return Response(status_code=fault.status, headers=fault.headers)
        raw = await request.body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = {"slack": _slack, "teams": _teams, "signed": _signed}.get(kind, _plain)(raw, headers)
        if answer.status_code < 300:
            self.got.append((kind, json.loads(raw), headers))
        return answer


def _plain(_raw: bytes, _headers: dict[str, str]) -> Response:
    return Response("{}")


def _slack(raw: bytes, _headers: dict[str, str]) -> Response:
    """200 `ok`, and refusals as plain text."""
    body = json.loads(raw)
    if not body.get("text"):
        return Response("no_text", 400)
    blocks = body.get("blocks", [])
    fits = len(blocks) <= 50 and all(map(_is_a_block, blocks))
    return Response("ok") if fits else Response("invalid_blocks", 400)


def _is_a_block(block: Json) -> bool:
    if block["type"] not in _BLOCKS:
        return False
    if block["type"] == "header":
        return block["text"]["type"] == "plain_text" and 0 < len(block["text"]["text"]) <= 150
    if block["type"] == "section":
        return 0 < len(block["text"]["text"]) <= 3000
    return len(block.get("elements", ())) <= 10


def _teams(raw: bytes, _headers: dict[str, str]) -> Response:
    """202 without a body; the form of the retired connector is refused."""
    if len(raw) > 28 * 1024:
        return Response(status_code=413)
    body = json.loads(raw)
    cards = [one for one in body.get("attachments", ()) if one["contentType"].endswith("card.adaptive")]
    right = body.get("type") == "message" and cards and all(map(_is_a_card, cards))
    return Response(status_code=202) if right else Response('{"error": "TriggerInputSchemaMismatch"}', 400)


def _is_a_card(attachment: Json) -> bool:
    card = attachment["content"]
    return card["type"] == "AdaptiveCard" and all(one["type"] in _ELEMENTS for one in card["body"])


def _signed(raw: bytes, headers: dict[str, str]) -> Response:
    """401 unless the body is signed with the secret and its time."""
    signed = headers.get("x-halo-timestamp", "").encode() + b"." + raw
    right = "sha256=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    known = hmac.compare_digest(headers.get("x-halo-signature", ""), right)
    return Response("{}") if known else Response("bad signature", 401)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver()
    app = FastAPI()

    @app.post("/{kind}")
    async def take(kind: str, request: Request) -> Response:
        return await receiver.take(kind, request)

    with listen("127.0.0.1", 0) as listener:
        async with listening(app, listener) as url:
            receiver.address = url
            yield receiver


def a_closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return int(closed.getsockname()[1])
