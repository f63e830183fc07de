"""A webhook: what happened as JSON, signed so that the receiver knows who says it and when."""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Final

import httpx
from pydantic import SecretStr

from halo_controller.incidents.headlines import title
from halo_controller.notifications.channels import Delivered
from halo_controller.notifications.channels.posting import post
from halo_controller.notifications.letters import letter
from halo_controller.notifications.nouns import Notification

SIGNATURE: Final = "X-Halo-Signature"
TIMESTAMP: Final = "X-Halo-Timestamp"
DELIVERY: Final = "X-Halo-Delivery"
"""The id of the message, the same with each attempt: a receiver that has it already may drop it."""


async def send(
    http: httpx.AsyncClient,
    notification: Notification,
    url: str,
    secret: SecretStr | None,
    now: datetime,
    *,
    shown: str,
) -> Delivered:
    """Post it, signed where there is a secret."""
    body = payload(notification)
    stamp = str(int(now.timestamp()))
    headers = {DELIVERY: notification.id, TIMESTAMP: stamp}
    if secret:
        headers[SIGNATURE] = signature(secret, stamp, body)
    return await post(http, url, body, shown=shown, headers=headers)


def signature(secret: SecretStr, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 of `<timestamp>.<body>`: without the timestamp an old message could be played again."""
    signed = hmac.new(secret.get_secret_value().encode(), stamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"


def payload(notification: Notification) -> bytes:
    """The message as JSON: the incidents whole, and the words for people."""
    told = [
        {
            "occasion": topic.occasion,
            "title": title(topic.incident),
            "state": topic.incident.state,
            **topic.incident.model_dump(mode="json"),
        }
        for topic in notification.topics
    ]
    said = {
        "id": notification.id,
        "person": notification.person,
        "subject": letter(notification).subject,
        "reason": notification.reason,
        "incidents": told,
    }
    return json.dumps(said).encode()
