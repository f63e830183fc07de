"""Figures that cannot be shown are told at the start, with what to do."""

import socket
import sys

import pytest

from halo_agent import metrics
from halo_agent.metrics import Vitals
from halo_shared.errors import ConfigurationError, ExtraMissing


def vitals() -> Vitals:
    return Vitals(spooled=0, dropped=0, held=0, slots=1, heard_at=None)


def test_without_the_setting_the_library_is_not_even_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "halo_agent.metrics.prometheus", None)
    with metrics.served("127.0.0.1", None, vitals):
        metrics.requested("halo", "2xx")
        metrics.waited(1)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "halo_agent.metrics.prometheus", None)
    with (
        pytest.raises(ExtraMissing, match=r"pip install 'halo-integrator-agent\[metrics\]'"),
        metrics.served("127.0.0.1", 9420, vitals),
    ):
        pass


def test_a_port_that_is_taken_is_named() -> None:
    pytest.importorskip("prometheus_client")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigurationError, match=f"nobody can listen at 127.0.0.1, port {port}"),
            metrics.served("127.0.0.1", port, vitals),
        ):
            pass
