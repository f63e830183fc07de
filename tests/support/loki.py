"""A log store that takes what Grafana Loki takes, and is as strict about it."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from halo_controller.api.server import listen, listening

_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NANOSECONDS: Final = re.compile(r"\d{19}")

Labels = frozenset[tuple[str, str]]


@dataclass(slots=True)
class Loki:
    """What it has."""

    address: str = ""
    lines: list[tuple[Labels, str, str]] = field(default_factory=list)
    """Labels, moment and line."""
    refusals: int = 0
    """How many more requests it cannot take."""

    async def take(self, request: Request) -> Response:
        """Answer as Loki does: 204, or what is wrong."""
        if self.refusals:
            self.refusals -= 1
            return Response("ingester is not ready", status_code=503)
        if request.headers["content-type"] != "application/json":
            return Response("unsupported media type", status_code=415)
        try:
            lines = [line for stream in (await request.json())["streams"] for line in _lines(stream)]
        except (ValueError, KeyError, TypeError) as error:
            return Response(f"error at least one stream is not valid: {error}", status_code=400)
        self.lines += lines
        return Response(status_code=204)


def _lines(stream: dict[str, Any]) -> list[tuple[Labels, str, str]]:  # Any: as it was posted
    labels: dict[str, str] = stream["stream"]
    if not labels or not all(_LABEL.fullmatch(name) and isinstance(labels[name], str) for name in labels):
        raise ValueError("labels")
    found = []
    for at, line in stream["values"]:
        if not isinstance(line, str) or not _NANOSECONDS.fullmatch(at):
            raise ValueError("values")
        json.loads(line)
        found.append((frozenset(labels.items()), at, line))
    return found


@asynccontextmanager
async def loki() -> AsyncIterator[Loki]:
    """A log store on any free port until the block ends."""
    store = Loki()
    app = FastAPI()
    app.add_api_route("/loki/api/v1/push", store.take, methods=["POST"])
    async with listening(app, listen("127.0.0.1", 0)) as store.address:
        yield store
