import io
import json
import logging
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from entrepot.ground.telemetry import (
    annotate,
    configure,
    continued_from,
    current_traceparent,
    get_logger,
    scrubbed,
    span,
)

NOON = datetime(2026, 7, 1, 12, 0, 0, 250_000, tzinfo=UTC)
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CONSOLE = {"OTEL_TRACES_EXPORTER": "console"}
log = get_logger("entrepot.test")


@pytest.fixture(autouse=True)
def _as_before():
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    configure(environment={}, stream=io.StringIO())
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def lines():
    """What was written since, as parsed lines."""
    stream = io.StringIO()

    def read():
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    configure(now=lambda: NOON, stream=stream, fields={"service": "shop"}, environment={})
    return read


def plain_lines(level="INFO"):
    stream = io.StringIO()
    configure(
        now=lambda: NOON,
        stream=stream,
        plain=True,
        fields={"service": "shop"},
        level=level,
        environment={},
    )
    return stream


# --- lines ---------------------------------------------------------------------------------------


def test_a_line_is_one_json_object(lines):
    log.info("job.done", kind="mail", count=3, took_s=0.5, late=False, after=None)
    assert lines() == [
        {
            "time": "2026-07-01T12:00:00.250000Z",
            "level": "info",
            "event": "job.done",
            "logger": "entrepot.test",
            "service": "shop",
            "kind": "mail",
            "count": 3,
            "took_s": 0.5,
            "late": False,
            "after": None,
        }
    ]


def test_the_time_is_utc_whatever_the_clock_says():
    stream = io.StringIO()
    east = NOON.astimezone(timezone(timedelta(hours=9)))
    configure(now=lambda: east, stream=stream, environment={})
    log.warning("late")
    assert json.loads(stream.getvalue())["time"] == "2026-07-01T12:00:00.250000Z"


def test_the_system_clock_is_the_default():
    stream = io.StringIO()
    configure(stream=stream, environment={})
    log.info("now")
    at = datetime.fromisoformat(json.loads(stream.getvalue())["time"])
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)


def test_levels_are_kept_and_below_them_nothing_is_written(lines):
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    assert [(line["event"], line["level"]) for line in lines()] == [
        ("b", "info"),
        ("c", "warning"),
        ("d", "error"),
    ]


def test_line_breaks_stay_inside_the_line(lines):
    log.error("a\nb", reason="x\r\ny\u2028z", nested={"k": ["p\nq"]})
    (line,) = lines()
    assert line["event"] == "a\nb"
    assert line["reason"] == "x\r\ny\u2028z"
    assert line["nested"] == {"k": ["p\nq"]}


def test_fields_cannot_pass_for_the_lines_own(lines):
    log.info("real", level="debug", time="never", service="other", name="timetable")
    (line,) = lines()
    assert (line["level"], line["level_"]) == ("info", "debug")
    assert (line["service"], line["service_"]) == ("shop", "other")
    assert line["time"].startswith("2026")
    assert line["name"] == "timetable"


def test_any_value_can_be_written(lines):
    endless = {}
    endless["self"] = endless
    log.info(
        "odd",
        ident=UUID(int=7),
        at=NOON,
        big=10**5_000,
        infinite=float("inf"),
        lone="\ud800",
        many=list(range(1_000)),
        endless=endless,
        long="x" * 100_000,
        some={3},
    )
    (line,) = lines()
    assert line["ident"] == "00000000-0000-0000-0000-000000000007"
    assert line["big"] == "a number of more than 40 digits"
    assert line["infinite"] == "inf"
    assert len(line["many"]) == 100
    assert len(line["long"]) < 8_100
    assert line["some"] == [3]


def test_an_exception_comes_with_its_traceback(lines):
    try:
        raise ValueError("no such person as bob@example.com")
    except ValueError:
        log.exception("job.failed", kind="mail")
    (line,) = lines()
    assert line["level"] == "error"
    assert "ValueError: no such person as ***" in line["traceback"]
    assert "test_telemetry.py" in line["traceback"]


def test_lines_of_libraries_are_told_the_same_way(lines):
    logging.getLogger("psycopg.pool").warning("cannot reach %s", "postgres://app:s3cret@db/shop")
    (line,) = lines()
    assert line["logger"] == "psycopg.pool"
    assert line["event"] == "cannot reach postgres://app:***@db/shop"


def test_configuring_again_writes_each_line_once(lines):
    stream = io.StringIO()
    configure(stream=stream, environment={})
    log.info("once")
    assert lines() == []
    assert len(stream.getvalue().splitlines()) == 1


def test_people_get_a_plain_line():
    stream = plain_lines()
    log.warning("job.failed", kind="mail", reason="two\nlines")
    assert stream.getvalue() == (
        '2026-07-01T12:00:00.250Z warning job.failed  kind=mail  reason="two\\nlines"'
        "  [entrepot.test]\n"
    )


def test_a_plain_traceback_cannot_pass_for_a_line():
    stream = plain_lines()
    try:
        raise ValueError("x\n2026-07-01T12:00:00.250Z info all.well\x1b[2J")
    except ValueError:
        log.exception("job.failed")
    first, *rest = stream.getvalue().splitlines()
    assert first == "2026-07-01T12:00:00.250Z error   job.failed  [entrepot.test]"
    assert all(line.startswith("    ") for line in rest)
    assert "\x1b" not in stream.getvalue()


def test_a_terminal_gets_plain_lines_and_a_pipe_json():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    configure(now=lambda: NOON, stream=terminal, environment={})
    log.info("hello")
    assert terminal.getvalue() == "2026-07-01T12:00:00.250Z info    hello  [entrepot.test]\n"


# --- what must not be told -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("to bob@example.com now", "to *** now"),
        ("Key (email)=(b.o-b+x@mail.example.co.uk) exists", "Key (email)=(***) exists"),
        ("/find?mail=bob%40example.com&n=1", "/find?mail=***&n=1"),
        ("<jürgen@müller.de>", "<***>"),
        ("card 4111111111111111", "card ***"),
        ("card 4111 1111 1111 1111.", "card ***."),
        ("card 4111-1111-1111-1111", "card ***"),
        ("card 3782 822463 10005", "card ***"),
        ("card 4222222222222", "card ***"),
        ("no card 4111111111111112", "no card 4111111111111112"),
        ("position 123456789012", "position 123456789012"),
        ("postgres://app:pw@db:5432/shop", "postgres://app:***@db:5432/shop"),
        ("Authorization: Bearer abc", "Authorization: ***"),
        ('{"authorization": "Basic dXNlcjpwdw=="}', '{"authorization": "***"}'),
        ("sent Bearer eyJhbGciOi.J9", "sent Bearer ***"),
        ("/v1?token=abc&page=2", "/v1?token=***&page=2"),
        ("api_key = k-123, retry", "api_key = ***, retry"),
        ("password='hunter2'", "password='***'"),
        ("key used before", "key used before"),
        ("0198c5a5-3c00-7abc-8def-0123456789ab", "0198c5a5-3c00-7abc-8def-0123456789ab"),
        ("2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z"),
    ],
)
def test_texts_are_scrubbed(text, told):
    assert scrubbed(text) == told


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Authorization",
        "key",
        "api_key",
        "apiKey",
        "token",
        "access_token",
        "client_secret",
        "password",
        "db_password",
        "set-cookie",
    ],
)
def test_fields_with_a_secret_name_are_masked_whole(lines, name):
    log.info("seen", **{name: "value"}, deep={"list": [{name: ["value"]}]})
    (line,) = lines()
    assert line[name] == "***"
    assert line["deep"] == {"list": [{name: "***"}]}


def test_personal_data_is_masked_wherever_it_stands(lines):
    log.info(
        "mail to bob@example.com",
        to="bob@example.com",
        card=4111111111111111,
        lines=[{"bob@example.com": ["ref 4111111111111111"]}],
        error=ValueError("bob@example.com"),
    )
    text = json.dumps(lines())
    assert "bob" not in text
    assert "4111" not in text


def test_scrubbing_takes_bounded_time_on_hostile_text():
    for text in ("a" * 10**6, "a@" * 10**5, "1" * 10**6, "://:" * 10**5, "token:" * 10**5):
        started = time.perf_counter()
        scrubbed(text)
        assert time.perf_counter() - started < 1


# --- traces --------------------------------------------------------------------------------------


def test_without_being_asked_there_is_no_trace(lines):
    with span("place", count=1):
        annotate(more=2)
        assert current_traceparent() is None
        log.info("in")
    assert "trace_id" not in lines()[0]


def test_a_span_costs_next_to_nothing_when_off(lines):
    started = time.perf_counter()
    for _ in range(10_000):
        with span("place", count=1):
            pass
    assert (time.perf_counter() - started) / 10_000 < 50e-6


def test_a_trace_is_carried_on_even_when_off(lines):
    with continued_from(PARENT):
        assert current_traceparent() == PARENT
        log.info("in")
    assert current_traceparent() is None
    (line,) = lines()
    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert line["span_id"] == "b7ad6b7169203331"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        PARENT[:-4],
    ],
)
def test_a_malformed_parent_is_ignored(header):
    with continued_from(header):
        assert current_traceparent() is None


def traced(environment=CONSOLE):
    stream = io.StringIO()
    configure(
        now=lambda: NOON, stream=stream, fields={"process": "door-1"}, environment=environment
    )
    return stream


def told(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_spans_are_written_when_asked_for():
    stream = traced()
    with continued_from(PARENT), span("place", count=2, skus=["A", "B"], card="4111111111111111"):
        annotate(accepted=1)
        parent = current_traceparent()
        log.info("in")
        with span("reserve"):
            pass
    line, inner, outer = told(stream)
    assert (inner["name"], outer["name"]) == ("reserve", "place")
    assert inner["parent_id"] == outer["context"]["span_id"]
    assert outer["parent_id"] == "0xb7ad6b7169203331"
    assert outer["context"]["trace_id"] == "0x0af7651916cd43dd8448eb211c80319c"
    assert outer["attributes"] == {"count": 2, "skus": '["A", "B"]', "card": "***", "accepted": 1}
    assert outer["resource"]["attributes"]["service.name"] == "entrepot"
    assert outer["resource"]["attributes"]["process"] == "door-1"
    assert line["span_id"] == outer["context"]["span_id"][2:]
    assert parent == f"00-{line['trace_id']}-{line['span_id']}-01"


def test_a_failed_span_says_so_without_personal_data():
    stream = traced()
    with pytest.raises(ValueError, match="bob"), span("place"):
        raise ValueError("no bob@example.com")
    (ended,) = told(stream)
    assert ended["status"] == {"status_code": "ERROR", "description": "ValueError: no ***"}
    assert "bob" not in stream.getvalue()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"},
        {**CONSOLE, "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_the_environment_can_leave_traces_off(environment):
    stream = traced(environment)
    with span("place"):
        assert current_traceparent() is None
    assert stream.getvalue() == ""


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_missing_exporter_is_told_and_harms_nothing(monkeypatch, protocol):
    transport = "grpc" if protocol == "grpc" else "http"
    name = f"opentelemetry.exporter.otlp.proto.{transport}.trace_exporter"
    monkeypatch.setitem(sys.modules, name, None)  # as if not installed
    stream = traced(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318",
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        }
    )
    with span("place"):
        assert current_traceparent() is None
    (line,) = told(stream)
    assert line["event"] == "traces.off"
    assert line["expected"] == f"the package opentelemetry-exporter-otlp-proto-{transport}"


def test_an_unknown_exporter_is_told():
    (line,) = told(traced({"OTEL_TRACES_EXPORTER": "zipkin"}))
    assert (line["event"], line["found"]) == ("traces.off", "zipkin")
