"""A status, or a connection that failed, becomes one of our errors."""

import ssl

import httpx
import pytest

from halo_agent.targets.halo.errors import HaloFailed, NotFound, NotSent, refusal, unreachable
from halo_shared.errors import (
    HaloIntegratorError,
    PermissionMissing,
    RateLimited,
    RecordRefused,
    SettingsInvalid,
    TargetUnavailable,
)
from tests.unit.agent.targets.support import HurriedClock

REQUEST = httpx.Request("POST", "https://acme.example/api/Users")


def refused(status: int, text: str = "", **headers: str) -> HaloIntegratorError:
    response = httpx.Response(status, text=text, headers=headers, request=REQUEST)
    return refusal(response, "write to Users", HurriedClock())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, SettingsInvalid),
        (400, RecordRefused),
        (401, PermissionMissing),
        (403, PermissionMissing),
        (404, NotFound),
        (405, RecordRefused),
        (408, TargetUnavailable),
        (413, RecordRefused),
        (415, RecordRefused),
        (429, RateLimited),
        (500, HaloFailed),
        (504, TargetUnavailable),
    ],
)
def test_a_status_has_its_error(status: int, error: type[HaloIntegratorError]) -> None:
    assert type(refused(status)) is error


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_every_refusal_names_what_was_to_be_done(status: int) -> None:
    assert "write to Users" in refused(status).message


def test_missing_permission_says_where_to_give_it() -> None:
    assert "Configuration > Integrations > Halo API" in refused(401).message


def test_a_redirect_says_where_halo_is() -> None:
    assert "https://new.example/" in refused(301, location="https://new.example/").message


@pytest.mark.parametrize(
    "message",
    [
        "A database error occurred (1205) - Transaction (Process ID 71) was deadlocked on lock resources",
        "A database error occurred (-2) - Timeout expired.",
    ],
)
def test_a_database_error_that_passes_is_not_the_records_fault(message: str) -> None:
    assert isinstance(refused(400, f'{{"Message": "{message}"}}'), TargetUnavailable)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("17", 17.0),
        ("Thu, 01 Jan 2026 00:17:10 GMT", 30.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("soon", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    error = refused(429, **{"retry-after": header})

    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


def test_detail_is_a_glimpse_of_the_body_without_secrets() -> None:
    detail = refused(400, "password=hunter22 " + "x" * 1000).detail

    assert detail.startswith("POST /api/Users -> 400: ")
    assert "hunter22" not in detail
    assert len(detail) < 250


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError])
def test_what_never_left_is_not_lost(error: type[httpx.RequestError]) -> None:
    assert isinstance(unreachable(error("no", request=REQUEST)), NotSent)


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError]
)
def test_what_may_have_arrived_is_not_called_unsent(error: type[httpx.RequestError]) -> None:
    told = unreachable(error("broke", request=REQUEST))

    assert isinstance(told, TargetUnavailable)
    assert not isinstance(told, NotSent)
    assert "acme.example" in told.message


def test_an_untrusted_certificate_is_a_setting_to_change() -> None:
    error = httpx.ConnectError("failed", request=REQUEST)
    error.__cause__ = OSError()
    error.__cause__.__context__ = ssl.SSLCertVerificationError("self-signed")

    told = unreachable(error)

    assert isinstance(told, SettingsInvalid)
    assert "SSL_CERT_FILE" in told.message
