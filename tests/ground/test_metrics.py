import subprocess
import sys

from entrepot.ground.telemetry import METRICS, forget_process, render_metrics, share_metrics

NAMES = {
    "orders_placed_total",
    "orders_refused_total",
    "intake_turned_away_total",
    "intake_batch_orders",
    "command_replays_total",
    "conflicts_retried_total",
    "facts_sequenced_total",
    "facts_handled_total",
    "jobs_done_total",
    "dead_letters",
    "outbox_oldest_seconds",
    "subscription_lag",
    "disk_free_bytes",
    "wal_archive_complete_timestamp_seconds",
    "keys_copied_timestamp_seconds",
    "backup_newest_timestamp_seconds",
    "wal_archive_kept_bytes",
    "audit_failures",
    "read_only",
    "pool_connections",
    "transaction_seconds",
    "order_place_seconds",
    "http_request_seconds",
}


def test_every_metric_has_the_prefix_and_is_explained():
    body, content_type = render_metrics()
    kinds = dict(
        line.split()[2:4] for line in body.decode().splitlines() if line.startswith("# TYPE")
    )
    assert kinds.keys() == {f"entrepot_{name}" for name in NAMES}
    assert content_type.startswith("text/plain")
    assert body.decode().count("# HELP") == len(NAMES)


def sample(body, name):
    for line in body.decode().splitlines():
        if line.rpartition(" ")[0] == name:
            return float(line.rpartition(" ")[2])
    return None


def test_counts_show():
    name = 'entrepot_jobs_done_total{kind="test",outcome="done"}'
    before = sample(render_metrics()[0], name) or 0
    METRICS.jobs_done.labels(kind="test", outcome="done").inc(3)
    assert sample(render_metrics()[0], name) == before + 3


DOOR = """
import sys
from entrepot.ground.telemetry import METRICS
number, last = int(sys.argv[1]), sys.argv[2] == "last"
METRICS.orders_placed.inc(number)
METRICS.orders_refused.labels(code="no_price").inc()
METRICS.pool_connections.labels(state="open").set(number)
METRICS.read_only.set(number == 1)
METRICS.transaction_seconds.observe(0.003)
if last:
    METRICS.disk_free_bytes.set(5_000)
print("ready", flush=True)
sys.stdin.read()
"""
SCRAPE = """
import sys
from entrepot.ground.telemetry import render_metrics
sys.stdout.buffer.write(render_metrics()[0])
"""


def start(environment, script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env={"PYTHONPATH": ":".join(sys.path), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def scrape(environment):
    body, _ = start(environment, SCRAPE).communicate(timeout=60)
    return body


def test_several_processes_share_one_page(tmp_path):
    directory = tmp_path / "metrics"
    directory.mkdir()
    (directory / "counter_1.db").write_bytes(b"of an earlier run")
    environment = share_metrics(directory)
    doors = [
        start(environment, DOOR, number, place)
        for number, place in (("1", "first"), ("2", "middle"), ("4", "last"))
    ]
    try:
        for door in doors:
            assert door.stdout.readline() == b"ready\n"
        body = scrape(environment)
        assert sample(body, "entrepot_orders_placed_total") == 7
        assert sample(body, 'entrepot_orders_refused_total{code="no_price"}') == 3
        assert sample(body, 'entrepot_pool_connections{state="open"}') == 7
        assert sample(body, "entrepot_read_only") == 1
        assert sample(body, "entrepot_disk_free_bytes") == 5_000  # not the others' unset zero
        assert sample(body, "entrepot_transaction_seconds_count") == 3
        assert sample(body, 'entrepot_transaction_seconds_bucket{le="0.005"}') == 3

        doors[0].communicate(timeout=60)
        forget_process(directory, doors[0].pid)
        body = scrape(environment)
        assert sample(body, "entrepot_orders_placed_total") == 7
        assert sample(body, 'entrepot_pool_connections{state="open"}') == 6
        assert sample(body, "entrepot_read_only") == 0
    finally:
        for door in doors:
            if not door.stdin.closed:
                door.communicate(timeout=60)
