"""OpenTelemetry tracing: spans when an exporter is named, nothing otherwise.

The SDK reads the standard OTEL_* variables itself (endpoint, headers, sampler, resource attributes); which exporters
to use (OTEL_TRACES_EXPORTER) is read by `gateway.settings` and passed in, because no exporter means no SDK at all.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from opentelemetry.context import Context, get_current
from opentelemetry.trace import NoOpTracer, NoOpTracerProvider, SpanContext, Tracer, TracerProvider, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

EXPORTER_GROUP: Final = "opentelemetry_traces_exporter"
EXPORTER_PACKAGES: Final[Mapping[str, str]] = MappingProxyType({"otlp": "otlp_proto_http"})
PROPAGATOR: Final = TraceContextTextMapPropagator()


class UnknownExporter(Exception):
    """OTEL_TRACES_EXPORTER names an exporter that no installed package provides."""


def exporters_from(environ: Mapping[str, str]) -> list[str]:
    """Exporter names by the standard variables; an OTLP endpoint alone means `otlp`; "none" and nothing mean off."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    named = [name.strip() for name in environ.get("OTEL_TRACES_EXPORTER", "").split(",") if name.strip()]
    if not named and (environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")):
        named = ["otlp"]
    return [] if "none" in named else named


def tracer_provider(exporters: Sequence[str], *, service: str, version: str) -> TracerProvider:
    """A provider that sends spans in batches to the named exporters; a no-op one when there are none.

    OTEL_SERVICE_NAME overrides `service`. Raises UnknownExporter. Pass the provider to `stop` at shutdown.
    """
    if not exporters:
        return NoOpTracerProvider()
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the SDK is loaded only where it is used
    from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above

    resource = Resource.create({"service.version": version})
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": service}))
    provider = SdkTracerProvider(resource=resource)
    for name in exporters:
        found = entry_points(group=EXPORTER_GROUP, name=EXPORTER_PACKAGES.get(name, name))
        if not found:
            raise UnknownExporter(f"No installed package provides the trace exporter {name!r}.")
        exporter = cast("type[SpanExporter]", next(iter(found)).load())
        provider.add_span_processor(BatchSpanProcessor(exporter()))
    return provider


def records(tracer: Tracer) -> bool:
    """Whether anything comes of the tracer's spans. One that records nothing still hands on a parent that there is."""
    return not isinstance(tracer, NoOpTracer)


def stop(provider: TracerProvider) -> None:
    """Send what is still queued and end the exporters' threads; the SDK bounds the wait (OTEL_BSP_EXPORT_TIMEOUT)."""
    shutdown = getattr(provider, "shutdown", None)
    if shutdown is not None:
        shutdown()


def incoming_context(headers: Mapping[str, str]) -> Context:
    """The remote parent that a request's `traceparent` and `tracestate` name; an empty context without them."""
    return PROPAGATOR.extract(headers, context=Context())


def traceresponse(span: SpanContext) -> str:
    """The W3C `traceresponse` header of a span: version, trace, span, flags; empty outside any trace."""
    if not span.is_valid:
        return ""
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"


def current_ids() -> tuple[str, str] | None:
    """Trace and span id of the current span in hexadecimal; None outside any trace."""
    if not get_current():
        return None
    span = get_current_span().get_span_context()
    return (f"{span.trace_id:032x}", f"{span.span_id:016x}") if span.is_valid else None
