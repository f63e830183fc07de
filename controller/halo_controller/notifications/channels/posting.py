"""Posting JSON to a URL, and what its answer means for a message."""

from collections.abc import Mapping
from typing import Final

import httpx

from halo_controller.notifications.channels import Delivered, NotReached, NotTaken

TIMEOUT: Final = 20.0
_SHOWN: Final = 200
"""Characters of an answer that are kept."""


async def post(
    http: httpx.AsyncClient, url: str, body: bytes, *, shown: str, headers: Mapping[str, str] | None = None
) -> Delivered:
    """Post it; `shown` stands for the URL in texts, since the URL of a chat is a secret."""
    try:
        reply = await http.post(
            url,
            content=body,
            headers={"Content-Type": "application/json", **(headers or {})},
            timeout=TIMEOUT,
        )
    except httpx.InvalidURL as error:
        raise NotTaken(f"{shown} is not a URL that can be posted to.") from error
    except httpx.HTTPError as error:
        raise NotReached(f"{shown} cannot be reached: {type(error).__name__}.") from error
    said = f"{reply.status_code} {reply.text[:_SHOWN]}".strip()
    if reply.is_success:
        return Delivered(said)
    if reply.status_code in (408, 425, 429) or reply.is_server_error:
        raise NotReached(f"{shown} does not take it now: {said}", retry_after=_retry_after(reply))
    raise NotTaken(f"{shown} does not take it: {said}")


def _retry_after(reply: httpx.Response) -> float | None:
    text = reply.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None
