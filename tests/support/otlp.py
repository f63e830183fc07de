"""A real receiver of traces: OTLP over HTTP, in protobuf."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from fastapi import FastAPI, Request, Response
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent

from halo_controller.api.server import listen, listening

PROTOBUF: Final = "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Received:
    """A span as it was sent."""

    service: str
    trace: bytes
    id: bytes
    parent: bytes
    name: str
    kind: str
    failed: bool
    begun: int
    ended: int
    attributes: dict[str, str | int | float | bool]
    links: tuple[bytes, ...]
    """The ids of the traces that it points to."""


@dataclass(slots=True)
class TraceReceiver:
    """What came."""

    address: str = ""
    spans: list[Received] = field(default_factory=list)
    raw: bytes = b""

    def trace(self, root: str) -> Sequence[Received]:
        """The spans of the last trace whose root has this name, oldest first."""
        roots = [span for span in self.spans if span.name == root and not span.parent]
        of_trace = [span for span in self.spans if roots and span.trace == roots[-1].trace]
        return sorted(of_trace, key=lambda span: span.begun)

    async def take(self, request: Request) -> Response:
        """Answer as a collector does."""
        assert request.headers["content-type"] == PROTOBUF
        body = await request.body()
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = str(_plain(resource.resource.attributes)["service.name"])
            self.spans += [_received(service, span) for scope in resource.scope_spans for span in scope.spans]
        return Response(ExportTraceServiceResponse().SerializeToString(), media_type=PROTOBUF)


def _received(service: str, span: Sent) -> Received:
    return Received(
        service,
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.name,
        Sent.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        span.status.code == span.status.STATUS_CODE_ERROR,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _plain(span.attributes),
        tuple(link.trace_id for link in span.links),
    )


def _plain(attributes: Sequence[KeyValue]) -> dict[str, str | int | float | bool]:
    return {one.key: _value(one.value) for one in attributes}


def _value(value: AnyValue) -> str | int | float | bool:
    found: str | int | float | bool = getattr(value, value.WhichOneof("value") or "string_value")
    return found


@asynccontextmanager
async def receiving_traces() -> AsyncIterator[TraceReceiver]:
    """A receiver on any free port until the block ends."""
    receiver = TraceReceiver()
    app = FastAPI()
    app.add_api_route("/v1/traces", receiver.take, methods=["POST"])
    async with listening(app, listen("127.0.0.1", 0)) as receiver.address:
        yield receiver
