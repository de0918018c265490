"""What a running house tells its keeper: log lines, traces and metrics.

Log lines are JSON on stderr, one a line. Traces go out only when the environment asks for them, in
OpenTelemetry's own variables. Metrics have one registry and one prefix, and are shared by all
processes of an installation when PROMETHEUS_MULTIPROC_DIR was set before they started.

None of them may hold personal data. Nothing of the kind is ever passed in; the filter here is the
second lock, for what slips into error texts: it masks e-mail addresses, card numbers, credentials.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TextIO

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SimpleSpanProcessor,
    SpanExporter,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)

from entrepot.ground.clock import SystemClock
from entrepot.words.outcome import shown

MASK = "***"
TEXT_CHARACTERS_MAX = 8_000
LIST_ENTRIES_MAX = 100
DEPTH_MAX = 4

# --- what must not be told -----------------------------------------------------------------------

_SECRET_NAME = re.compile(
    r"authorization|password|passwd|pwd|secret|token|cookie|credential|keys?$", re.IGNORECASE
)
_NAMED_VALUE = (
    r"(?i)((?:authorization|password|passwd|secret|token|api[_-]?key)[\"']?\s?[:=]\s?[\"']?)"
    r"(?:(?:bearer|basic)\s+)?[^\s\"'&,;]+"
)
_MASKED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(://[^\s:@/]{0,256}:)[^\s@/]{1,256}@"), rf"\1{MASK}@"),
    (re.compile(r"[^\s@<>\"'(),:;=/?&%]{1,64}(?:@|%40)[\w.-]{1,255}\.\w{2,63}"), MASK),
    (re.compile(_NAMED_VALUE), rf"\1{MASK}"),
    (re.compile(r"(?i)\b((?:bearer|basic)\s+)[a-z0-9+/=._~-]{8,}"), rf"\1{MASK}"),
)
_CARD = re.compile(
    r"(?<![0-9])(?:[0-9]{13,19}"
    r"|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,7}"
    r"|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5})(?![0-9])"
)


def scrubbed(text: str) -> str:
    """The text without e-mail addresses, card numbers and credentials, cut when very long."""
    if len(text) > TEXT_CHARACTERS_MAX:
        text = f"{text[:TEXT_CHARACTERS_MAX]}..."
    for pattern, replacement in _MASKED:
        text = pattern.sub(replacement, text)
    return _CARD.sub(_masked_card, text)


def _masked_card(match: re.Match[str]) -> str:
    digits = [int(c) for c in reversed(match[0]) if c.isdigit()]
    doubled = (d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(digits))
    return MASK if sum(doubled) % 10 == 0 else match[0]  # Luhn: ISO/IEC 7812-1, annex B


def _told(name: str, value: object, depth: int = 0) -> object:
    """A field's value as JSON can hold it, scrubbed; masked whole when its name says secret."""
    if _SECRET_NAME.search(name):
        return MASK
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) >= 1 << 64:
            return shown(value)
        return MASK if scrubbed(str(abs(value))) == MASK else value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth < DEPTH_MAX and isinstance(value, Mapping):
        entries = list(value.items())[:LIST_ENTRIES_MAX]
        return {scrubbed(str(k)): _told(str(k), v, depth + 1) for k, v in entries}
    if depth < DEPTH_MAX and isinstance(value, list | tuple | set | frozenset):
        return [_told("", v, depth + 1) for v in list(value)[:LIST_ENTRIES_MAX]]
    return scrubbed(str(value))


# --- log lines -----------------------------------------------------------------------------------


class Logger:
    """Writes events: a dotted name for machines to count, and fields that say the rest."""

    __slots__ = ("_logger",)

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, /, **fields: object) -> None:
        """For whoever looks for a fault; off by default."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """Something a keeper wants to see in the day's course."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """Something that went on, but not as it should."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: object) -> None:
        """Something that did not go on."""
        self._write(logging.ERROR, event, fields)

    def exception(self, event: str, /, **fields: object) -> None:
        """An error with the traceback of the exception being handled."""
        self._write(logging.ERROR, event, fields, traceback=True)

    def _write(
        self, level: int, event: str, fields: dict[str, object], *, traceback: bool = False
    ) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, exc_info=traceback, extra={"fields": fields})


def get_logger(name: str) -> Logger:
    """The logger of a module; pass `__name__`."""
    return Logger(name)


class _Formatter(logging.Formatter):
    """One record as one line; of the record's own time nothing is used, the clock tells it."""

    def __init__(self, now: Callable[[], datetime], fields: Mapping[str, str]) -> None:
        super().__init__()
        self._now = now
        self._fields = dict(fields)

    def told(self, record: logging.LogRecord) -> dict[str, object]:
        at = self._now().astimezone(UTC).replace(tzinfo=None)
        line: dict[str, object] = {
            "time": at.isoformat(timespec="microseconds") + "Z",
            "level": record.levelname.lower(),
            "event": scrubbed(record.getMessage()),
            "logger": record.name,
        }
        active = trace.get_current_span().get_span_context()
        if active.is_valid:
            line["trace_id"] = f"{active.trace_id:032x}"
            line["span_id"] = f"{active.span_id:016x}"
        line |= self._fields
        for name, value in getattr(record, "fields", {}).items():
            line[f"{name}_" if name in line else name] = _told(name, value)
        if record.exc_info and record.exc_info[0] is not None:
            # A traceback is read from its end.
            line["traceback"] = scrubbed(
                self.formatException(record.exc_info)[-TEXT_CHARACTERS_MAX:]
            )
        return line

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.told(record), separators=(",", ":"))


class _PlainFormatter(_Formatter):
    """The same line for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        line = self.told(record)
        time, level, event, logger = (line.pop(k) for k in ("time", "level", "event", "logger"))
        for name in self._fields:
            line.pop(name)
        traceback = str(line.pop("traceback", "")).splitlines()
        fields = "".join(f"  {name}={_plain(value)}" for name, value in line.items())
        text = f"{str(time)[:23]}Z {level!s:8}{_plain(event)}{fields}  [{logger}]"
        # Indented, and escaped line by line, no traceback can pass for another log line.
        return "\n    ".join([text, *map(_plain, traceback)])


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if text.isprintable() else json.dumps(text)


class _Handler(logging.StreamHandler[TextIO]):
    """The house's own handler: configuring again replaces it and nobody else's."""


def configure(
    *,
    now: Callable[[], datetime] | None = None,
    level: str = "INFO",
    fields: Mapping[str, str] | None = None,
    stream: TextIO | None = None,
    plain: bool | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Set up log lines and traces for this process, also of the libraries' own loggers.

    now          tells the time of each line; the system clock by default
    level        DEBUG, INFO, WARNING or ERROR
    fields       stand in every JSON line: service, process, version
    stream       stderr by default
    plain        lines for people instead of JSON; by default when the stream is a terminal
    environment  read for OpenTelemetry's variables; the process's own by default
    """
    out = sys.stderr if stream is None else stream
    handler = _Handler(out)
    formatter = _PlainFormatter if (out.isatty() if plain is None else plain) else _Formatter
    handler.setFormatter(formatter(now or SystemClock().now, fields or {}))
    root = logging.getLogger()
    for earlier in [h for h in root.handlers if isinstance(h, _Handler)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(level)
    _configure_traces(os.environ if environment is None else environment, fields or {}, out)


# --- traces --------------------------------------------------------------------------------------

_PROPAGATOR = TraceContextTextMapPropagator()
_tracer: trace.Tracer | None = None
_log = get_logger(__name__)


def _configure_traces(
    environment: Mapping[str, str], fields: Mapping[str, str], stream: TextIO
) -> None:
    global _tracer
    _tracer = None
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    chosen = environment.get("OTEL_TRACES_EXPORTER", "")
    endpoint = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environment.get(
        "OTEL_EXPORTER_OTLP_ENDPOINT"
    )
    if chosen not in ("", "none", "otlp", "console"):
        _log.warning("traces.off", found=chosen, expected="otlp, console or none")
        return
    resource = Resource.create({"service.name": environment.get("OTEL_SERVICE_NAME", "entrepot")})
    provider = TracerProvider(resource=resource.merge(Resource(dict(fields))))
    if chosen == "console":
        provider.add_span_processor(
            SimpleSpanProcessor(ConsoleSpanExporter(out=stream, formatter=_span_line))
        )
    elif chosen != "none" and endpoint:
        exporter = _otlp_exporter(environment.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"))
        if exporter is None:
            return
        provider.add_span_processor(BatchSpanProcessor(exporter))
    else:
        return
    _tracer = provider.get_tracer("entrepot")


def _span_line(ended: ReadableSpan) -> str:
    return json.dumps(json.loads(ended.to_json())) + "\n"


def _otlp_exporter(protocol: str) -> SpanExporter | None:
    transport = "grpc" if protocol == "grpc" else "http"
    try:
        module = import_module(f"opentelemetry.exporter.otlp.proto.{transport}.trace_exporter")
    except ImportError:
        _log.warning(
            "traces.off",
            found="OTEL_EXPORTER_OTLP_ENDPOINT is set, the exporter is not installed",
            expected=f"the package opentelemetry-exporter-otlp-proto-{transport}",
        )
        return None
    exporter = module.OTLPSpanExporter()  # reads the endpoint and its headers from the environment
    assert isinstance(exporter, SpanExporter)
    return exporter


@contextmanager
def span(name: str, /, **attributes: object) -> Iterator[None]:
    """A span around the block; costs next to nothing when traces are off."""
    if _tracer is None:
        yield
        return
    with _tracer.start_as_current_span(
        name, record_exception=False, set_status_on_exception=False
    ) as active:
        annotate(**attributes)
        try:
            yield
        except BaseException as error:
            # Not left to the library: the text may hold what must not be told.
            active.set_status(trace.StatusCode.ERROR, scrubbed(f"{type(error).__name__}: {error}"))
            raise


def annotate(**attributes: object) -> None:
    """Add attributes to the span around; nothing happens without one."""
    active = trace.get_current_span()
    if active.is_recording():
        for name, value in attributes.items():
            told = _told(name, value)
            if not isinstance(told, bool | int | float | str):
                told = json.dumps(told)
            active.set_attribute(name, told)


def current_traceparent() -> str | None:
    """The trace context around, as a W3C traceparent header; None outside of any trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def continued_from(traceparent: str | None) -> Iterator[None]:
    """The block belongs to the trace of a W3C traceparent; None or a malformed one is ignored.

    The trace id goes on into log lines and onward calls even when traces are off.
    """
    carrier = {"traceparent": traceparent} if traceparent else {}
    token = otel_context.attach(_PROPAGATOR.extract(carrier, otel_context.get_current()))
    try:
        yield
    finally:
        otel_context.detach(token)


# --- metrics -------------------------------------------------------------------------------------

_SHARED_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_SHARED_DIRECTORY = os.environ.get(_SHARED_VARIABLE)  # as prometheus_client saw it on import
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ORDERS = (1, 2, 5, 10, 25, 50, 100, 250)

# They double the series, and no shared registry has them.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """Every metric of the house, in base units; labels take few values: no SKU, no customer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, namespace="entrepot", registry=registry)

        def spread(
            name: str, text: str, *labels: str, buckets: tuple[float, ...] = _SECONDS
        ) -> Histogram:
            return Histogram(
                name, text, labels, namespace="entrepot", registry=registry, buckets=buckets
            )

        def latest(name: str, text: str, *labels: str) -> Gauge:
            """What one process measures for all: the newest reading of a living process."""
            return Gauge(
                name,
                text,
                labels,
                namespace="entrepot",
                registry=registry,
                multiprocess_mode="livemostrecent",
            )

        self.orders_placed = counter("orders_placed_total", "Orders placed")
        self.orders_refused = counter("orders_refused_total", "Orders refused", "code")
        self.intake_turned_away = counter(
            "intake_turned_away_total", "Orders turned away because too many waited"
        )
        self.command_replays = counter(
            "command_replays_total", "Commands answered with their first answer"
        )
        self.conflicts_retried = counter(
            "conflicts_retried_total", "Transactions rolled back for a conflict", "kind"
        )
        self.facts_sequenced = counter("facts_sequenced_total", "Facts numbered in the log")
        self.facts_handled = counter(
            "facts_handled_total", "Facts handled by a subscription", "subscription"
        )
        self.jobs_done = counter("jobs_done_total", "Jobs ended", "kind", "outcome")

        self.dead_letters = latest("dead_letters", "Facts parked as not handled", "subscription")
        self.outbox_oldest_seconds = latest(
            "outbox_oldest_seconds", "Age of the oldest fact without a number"
        )
        self.subscription_lag = latest(
            "subscription_lag", "Facts in the log and not handled yet", "subscription"
        )
        self.disk_free_bytes = latest("disk_free_bytes", "Free bytes in the data directory")
        self.audit_failures = latest("audit_failures", "Invariants the last audit found broken")
        self._of_backups(latest)
        self.read_only, self.pool_connections = _states(registry)

        self.transaction_seconds = spread("transaction_seconds", "Time of one transaction")
        self.order_place_seconds = spread(
            "order_place_seconds", "Time from an order's arrival to its answer"
        )
        self.intake_batch_orders = spread(
            "intake_batch_orders", "Orders placed together", buckets=_ORDERS
        )
        self.http_request_seconds = spread(
            "http_request_seconds", "Time of one HTTP request", "route", "method", "status"
        )

    def _of_backups(self, latest: Callable[[str, str], Gauge]) -> None:
        """What the archiver measures; instants, so that one that is silent is seen to be."""
        self.wal_archive_complete = latest(
            "wal_archive_complete_timestamp_seconds",
            "Unix time until which all commits are archived",
        )
        self.keys_copied = latest(
            "keys_copied_timestamp_seconds", "Unix time until which all new keys are copied"
        )
        self.backup_newest = latest(
            "backup_newest_timestamp_seconds", "Unix time at which the newest backup ended"
        )
        self.wal_archive_kept_bytes = latest(
            "wal_archive_kept_bytes", "Write-ahead log that PostgreSQL keeps for the archive"
        )


def _states(registry: CollectorRegistry) -> tuple[Gauge, Gauge]:
    """What is counted over all processes together: who takes no changes, and the connections."""
    read_only = Gauge(
        "read_only",
        "1 when some process accepts no changes",
        namespace="entrepot",
        registry=registry,
        multiprocess_mode="livemax",
    )
    pool_connections = Gauge(
        "pool_connections",
        "Database connections of all processes, and requests waiting for one",
        ["state"],
        namespace="entrepot",
        registry=registry,
        multiprocess_mode="livesum",
    )
    return read_only, pool_connections


_REGISTRY = CollectorRegistry()
METRICS = Metrics(_REGISTRY)


def share_metrics(directory: Path) -> dict[str, str]:
    """The environment for processes that shall share their metrics through `directory`.

    The directory is created, and emptied of an earlier run's metrics. The variables must be set
    when a process starts: set later they do nothing.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for left in directory.glob("*.db"):
        left.unlink()
    return {_SHARED_VARIABLE: str(directory)}


def forget_process(directory: Path, pid: int) -> None:
    """Drop the gauges of a process that ended; what it counted stays in the sums."""
    multiprocess.mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call]


def render_metrics() -> tuple[bytes, str]:
    """All metrics in Prometheus' text format and its content type, of all sharing processes."""
    registry = _REGISTRY
    if _SHARED_DIRECTORY is not None:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(  # type: ignore[no-untyped-call]
            registry, _SHARED_DIRECTORY
        )
    return generate_latest(registry), CONTENT_TYPE_LATEST
