"""Spans by OpenTelemetry's SDK, sent by OTLP over HTTP: the one module that knows the library."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final, Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from halo_shared import logs
from halo_shared.telemetry import UNSEEN, Attributes, Kind, Span

log = logs.get(__name__)

MOST_REQUESTS: Final = 2_000
"""Requests of one attempt that get a span: receivers refuse traces that are too large, whole."""
_KINDS: Final = {
    Kind.INTERNAL: SpanKind.INTERNAL,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.PRODUCER: SpanKind.PRODUCER,
    Kind.CONSUMER: SpanKind.CONSUMER,
}
_HEADER: Final = "traceparent"
_W3C: Final = TraceContextTextMapPropagator()


@dataclass(slots=True)
class _Stages:
    """The stages of one attempt."""

    tracer: trace.Tracer
    whole: trace.Span
    name: str = ""
    present: trace.Span | None = None
    requests: int = 0

    @property
    def context(self) -> Context:
        """What stands above a span that begins now."""
        return trace.set_span_in_context(self.present or self.whole)

    def enter(self, name: str) -> None:
        """Another stage begins."""
        if name != self.name:
            self.leave()
            self.name = name
            self.present = self.tracer.start_span(name, trace.set_span_in_context(self.whole))

    def leave(self) -> None:
        """The present stage is over."""
        if self.present:
            self.present.end()
        self.name, self.present = "", None

    def is_full(self) -> bool:
        """Whether the attempt has made so many requests that one more gets no span."""
        self.requests += 1
        return self.requests > MOST_REQUESTS


_STAGES: ContextVar[_Stages | None] = ContextVar("stages", default=None)


class _Seen:
    """A span that is sent when it ends."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, attributes: Attributes) -> None:
        self._span.set_attributes(dict(attributes))

    def failed(self, code: str) -> None:
        self._span.set_attribute("error.type", code)
        self._span.set_status(Status(StatusCode.ERROR))


class Exporting:
    """Telemetry with a receiver."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("halo-integrator", version("halo-integrator-shared"))

    @classmethod
    @contextmanager
    def to_receiver(cls, service: str, instance: str) -> Iterator[Self]:
        """Telemetry for a process; at the end of the `with` the last spans are sent."""
        about = {
            "service.name": service,
            "service.instance.id": instance,
            "service.version": version(service),
        }
        given = OTELResourceDetector().detect().attributes
        provider = TracerProvider(resource=Resource.create({**about, **given}), shutdown_on_exit=False)
        # Where to, in whose name, how often and how many: both read it from OTEL_... by themselves.
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        log.info("traces_sent", service=service)
        try:
            yield cls(provider)
        finally:
            provider.shutdown()

    @contextmanager
    def span(
        self, name: str, kind: Kind, parent: str | None, link: str | None, attributes: Attributes
    ) -> Iterator[Span]:
        stages = _STAGES.get()
        if stages and kind is Kind.CLIENT and stages.is_full():
            yield UNSEEN
            return
        above = _above(parent) if parent else stages.context if stages else None
        links = [Link(trace.get_current_span(_above(link)).get_span_context())] if link else None
        with self._tracer.start_as_current_span(
            name,
            above,
            _KINDS[kind],
            dict(attributes),
            links,
            record_exception=False,
            set_status_on_exception=False,
        ) as started:
            seen = _Seen(started)
            try:
                yield seen
            except BaseException as error:
                seen.failed(type(error).__name__)
                raise

    def traceparent(self) -> str | None:
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier.get(_HEADER)

    @contextmanager
    def stages(self) -> Iterator[None]:
        stages = _Stages(self._tracer, trace.get_current_span())
        token = _STAGES.set(stages)
        try:
            yield
        finally:
            stages.leave()
            _STAGES.reset(token)
            stages.whole.set_attribute("halo.requests", stages.requests)

    def stage(self, name: str) -> None:
        if stages := _STAGES.get():
            stages.enter(name)


def _above(parent: str) -> Context:
    """The context of a span in another process."""
    return _W3C.extract({_HEADER: parent}, Context())
