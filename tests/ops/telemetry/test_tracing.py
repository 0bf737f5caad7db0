"""Tracing: off costs nothing, on follows the standard."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NoOpTracerProvider

from ops.telemetry.tracing import UnknownExporter, current_ids, exporters_from, stop, tracer_provider


@pytest.mark.parametrize(
    ("environ", "exporters"),
    [
        ({}, []),
        ({"OTEL_TRACES_EXPORTER": "none"}, []),
        ({"OTEL_TRACES_EXPORTER": "console"}, ["console"]),
        ({"OTEL_TRACES_EXPORTER": "otlp, console"}, ["otlp", "console"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, ["otlp"]),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318"}, ["otlp"]),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"}, []),
    ],
)
def test_exporters_follow_the_standard_variables(environ: dict[str, str], exporters: list[str]) -> None:
    assert exporters_from(environ) == exporters


def test_no_exporter_is_no_sdk() -> None:
    provider = tracer_provider([], service="podgraph", version="1")
    assert isinstance(provider, NoOpTracerProvider)
    stop(provider)


def test_exporter_that_is_not_installed_is_named() -> None:
    with pytest.raises(UnknownExporter, match="provides the trace exporter 'carrier-pigeon'"):
        tracer_provider(["carrier-pigeon"], service="podgraph", version="1")


def test_service_is_ours_unless_the_environment_names_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = []
    for environment in (None, "edge-eu"):
        if environment:
            monkeypatch.setenv("OTEL_SERVICE_NAME", environment)
        provider = tracer_provider(["console"], service="podgraph", version="1")
        assert isinstance(provider, TracerProvider)
        names.append((provider.resource.attributes["service.name"], provider.resource.attributes["service.version"]))
        stop(provider)
    assert names == [("podgraph", "1"), ("edge-eu", "1")]


def test_current_span_goes_into_logs() -> None:
    assert current_ids() is None
    with TracerProvider().get_tracer("test").start_as_current_span("work") as span:
        context = span.get_span_context()
        trace, parent = f"{context.trace_id:032x}", f"{context.span_id:016x}"
        assert current_ids() == (trace, parent)
