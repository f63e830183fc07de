"""What HTTP answers, and the failures to obtain one, say to every client alike."""

import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from halo_shared.clock import Clock
from halo_shared.errors import HaloIntegratorError, SettingsInvalid, SourceUnavailable


def object_of(response: httpx.Response) -> Mapping[str, Any]:  # Any: whatever the JSON holds
    """The object in an answer; empty when there is none."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def unreachable(error: httpx.RequestError) -> HaloIntegratorError:
    """The error that a request to a tool without an answer stands for."""
    host = error.request.url.host
    told = f"{type(error).__name__}: {error}"
    if certificate_refused(error):
        return SettingsInvalid(
            f"The certificate of {host} is not trusted by this machine: where a proxy reads along, "
            "name its authority in SSL_CERT_FILE.",
            detail=told,
        )
    return SourceUnavailable(
        f"{host} cannot be reached, or did not answer in time: check DNS, proxy and firewall.", detail=told
    )


def retry_after(response: httpx.Response, clock: Clock) -> float | None:
    """Seconds of a Retry-After header, which may be a number or a date; None where there is none."""
    value = response.headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - clock.now()).total_seconds())
    except (ValueError, TypeError):
        return None


def certificate_refused(error: BaseException | None) -> bool:
    """Whether a request failed because this machine does not trust the other side's certificate."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
