"""What HTTP answers, and the failures to obtain one, say to every client alike."""

import ssl
from email.utils import parsedate_to_datetime

import httpx

from halo_shared.clock import Clock


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
