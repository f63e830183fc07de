"""Figures in Prometheus' form, over the little HTTP server that its library brings along."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from halo_agent.metrics import Ended, Side, Vitals
from halo_shared import logs
from halo_shared.errors import ConfigurationError
from halo_shared.runs import RunStatus

log = logs.get(__name__)

SECONDS: Final = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600)
OF_INTEGRATION: Final = ("tenant", "integration")
Family = GaugeMetricFamily | CounterMetricFamily


class _OfVitals(Collector):
    """What is looked up at the moment of the scrape, from the server's thread: single values only."""

    def __init__(self, vitals: Callable[[], Vitals]) -> None:
        self._vitals = vitals

    def collect(self) -> Iterable[Family]:
        now = self._vitals()
        yield GaugeMetricFamily(
            "halo_agent_spool_waiting_events", "Events that wait for the broker.", now.spooled
        )
        yield CounterMetricFamily(
            "halo_agent_spool_dropped_events", "Events that were given up since the start.", now.dropped
        )
        yield GaugeMetricFamily("halo_agent_runs", "Runs that it holds the lease of.", now.held)
        yield GaugeMetricFamily("halo_agent_slots", "Runs that it works on at most.", now.slots)
        if now.heard_at:
            what = "When the controller last answered."
            yield GaugeMetricFamily("halo_agent_heard_timestamp_seconds", what, now.heard_at.timestamp())


class PrometheusMeters:
    """Counts since the agent started."""

    def __init__(self, vitals: Callable[[], Vitals]) -> None:
        self.registry = registry = CollectorRegistry()
        registry.register(_OfVitals(vitals))
        self._attempts = Histogram(
            "halo_agent_attempt_seconds",
            "How long attempts took.",
            (*OF_INTEGRATION, "status"),
            buckets=SECONDS,
            registry=registry,
        )
        self._records = Counter(
            "halo_agent_records",
            "Records, by what became of them.",
            (*OF_INTEGRATION, "entity", "outcome"),
            registry=registry,
        )
        self._success = Gauge(
            "halo_agent_last_success_timestamp_seconds",
            "When an attempt last went through.",
            OF_INTEGRATION,
            registry=registry,
        )
        self._requests = Counter(
            "halo_agent_requests",
            "Requests, by the class of the answer.",
            ("to", "status"),
            registry=registry,
        )
        self._waits = Counter(
            "halo_agent_budget_wait_seconds", "Waits to stay within Halo's budget.", registry=registry
        )

    @classmethod
    @contextmanager
    def served(cls, host: str, port: int, vitals: Callable[[], Vitals]) -> Iterator[Self]:
        """Meters that can be read at this address until the block ends; raises ConfigurationError."""
        meters = cls(vitals)
        try:
            server, thread = start_http_server(port, host, meters.registry)
        except OSError as error:
            raise ConfigurationError(
                f"metrics_port: nobody can listen at {host}, port {port}: {error.strerror or error}. "
                "Give it a free port, and 'metrics_host' an address of this machine."
            ) from error
        log.info("metrics_served", url=f"http://{host}:{server.server_port}/metrics")
        try:
            yield meters
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def attempt_ended(self, ended: Ended) -> None:
        of = (ended.ref.tenant, ended.ref.name)
        self._attempts.labels(*of, ended.status).observe(ended.seconds)
        for entity, tally in ended.counts.items():
            for outcome, number in tally.model_dump().items():
                self._records.labels(*of, entity, outcome).inc(number)
        if ended.status == RunStatus.SUCCEEDED:
            self._success.labels(*of).set(ended.at.timestamp())

    def requested(self, of: Side, status: str) -> None:
        self._requests.labels(of, status).inc()

    def waited(self, seconds: float) -> None:
        self._waits.inc(seconds)
