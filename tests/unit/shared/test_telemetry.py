"""Telemetry that is not wanted, or cannot be had, costs and breaks nothing."""

import sys

import pytest
from structlog.testing import capture_logs

from halo_shared import telemetry
from halo_shared.messages.codec import Envelope
from halo_shared.telemetry import Kind
from halo_shared.telemetry.messaging import publishing
from halo_shared.topology import TO_CONTROLLER

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
WANTED = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        WANTED | {"OTEL_SDK_DISABLED": "true"},
        WANTED | {"OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_the_library_is_not_even_loaded_unless_a_receiver_is_named(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "halo_shared.telemetry.exporting", None)
    with capture_logs() as said, telemetry.exported("halo-integrator-agent", "one", environment):
        assert work() is None
    assert said == []


def test_without_the_extra_a_sentence_says_what_to_install_and_work_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "halo_shared.telemetry.exporting", None)
    with capture_logs() as said, telemetry.exported("halo-integrator-agent", "one", WANTED):
        assert work() is None
    (line,) = said
    assert line["event"] == "traces_not_sent"
    assert "pip install 'halo-integrator-agent[traces]'" in line["why"]


def test_a_trace_passes_through_a_program_that_sends_none() -> None:
    with publishing(Envelope("1", "sync", b"{}", PARENT), TO_CONTROLLER) as taken_along:
        assert taken_along == PARENT


def work() -> str | None:
    """Something with every kind of span."""
    with telemetry.span("work", Kind.CLIENT, parent=PARENT, link=PARENT) as span, telemetry.stages():
        telemetry.stage("read")
        span.note({"halo.run": "1"})
        span.failed("Refused")
        return telemetry.traceparent()
