"""The long tail: whatever the library Apprise knows, where it is installed."""

import asyncio

from pydantic import SecretStr

from halo_controller.notifications.channels import Delivered, NotReached, NotTaken
from halo_controller.notifications.channels.email import plain
from halo_controller.notifications.letters import Letter
from halo_shared.errors import ExtraMissing


async def send(said: Letter, url: SecretStr, *, shown: str) -> Delivered:
    """Hand it to Apprise, which blocks and only says whether it went well."""
    return await asyncio.to_thread(_send, said, url, shown)


def _send(said: Letter, url: SecretStr, shown: str) -> Delivered:
    try:
        import apprise  # noqa: PLC0415  an extra
    except ImportError as error:
        raise ExtraMissing(
            "The channel 'apprise' needs a library that is not installed: "
            "pip install 'halo-integrator-controller[apprise]'"
        ) from error
    service = apprise.Apprise()
    if not service.add(url.get_secret_value()):
        raise NotTaken(f"{shown} is not an Apprise URL; they are listed at https://appriseit.com/services/")
    if not service.notify(title=said.subject, body=plain(said)):
        raise NotReached(f"The service behind {shown} did not take it; Apprise does not say why.")
    return Delivered("taken")
