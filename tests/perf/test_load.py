"""The load generator, on a server whose answers take as long as each test says."""

import itertools
import json
import statistics
import threading
import time
from concurrent import futures
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from perf import bench, figures
from perf.bench import check_result, latencies, read_result, row
from perf.compare import compared, verdict
from perf.load import Reply, Round, arrivals, closed, histogram, opened, percentiles
from perf.metrics import LINE, Snapshot
from server.contract import Look

wire: Any = service_pb2


class Servicer(service_pb2_grpc.GRPCInferenceServiceServicer):
    """One worker that takes `seconds(number)` per photo, and may refuse."""

    def __init__(self):
        self.seconds = lambda number: 0.0
        self.refuses = False
        self.count = 0
        self.worker = threading.Lock()

    def ModelReady(self, request, context):
        return wire.ModelReadyResponse(ready=True)

    def ModelInfer(self, request, context):
        if self.refuses:
            context.abort(grpc.StatusCode.UNAVAILABLE, "overloaded: 9 photos wait already")
        with self.worker:
            self.count += 1
            time.sleep(self.seconds(self.count))
        reply = wire.ModelInferResponse(id=request.id, raw_output_contents=[b"{}", b"picture"])
        reply.outputs.add(name="report", datatype="UINT8", shape=[1, 2])
        reply.outputs.add(name="image", datatype="UINT8", shape=[1, 7])
        return reply


@pytest.fixture
def server():
    servicer = Servicer()
    real = grpc.server(futures.ThreadPoolExecutor(64))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, real)
    servicer.address = f"127.0.0.1:{real.add_insecure_port('127.0.0.1:0')}"
    real.start()
    yield servicer
    real.stop(None).wait()


def test_closed_loop_finds_the_rate_of_the_worker(server):
    server.seconds = lambda _: 0.02
    found = closed(server.address, [b"photo"], Look(), concurrency=4, warm_up=0.3, seconds=2.0)
    # At most 50 per second; sleep and the scheduler of a busy machine only ever make it fewer.
    assert 25 <= found.per_second() <= 51
    halves = found.halves()
    assert abs(halves[0] - halves[1]) < 0.4 * found.per_second()
    assert all(reply.ended >= found.start for reply in found.replies)


def test_open_loop_does_not_omit_the_wait_behind_a_stall(server):
    """One photo stalls for a second; those due meanwhile waited, though a closed loop would not have sent them."""
    server.seconds = lambda number: 1.0 if number == 10 else 0.001
    found = opened(server.address, [b"photo"], Look(), rate=50, warm_up=0, seconds=2.0, seed=1)
    late = [(reply.ended - reply.due) for reply in found.good]
    assert sum(each > 0.3 for each in late) >= 20
    server.count = 0
    one = closed(server.address, [b"photo"], Look(), concurrency=1, warm_up=0, seconds=2.0)
    assert sum(reply.ended - reply.due > 0.3 for reply in one.good) == 1


def test_a_steady_open_loop_has_equal_halves():
    """A photo every 0.1 s from 2 s before the stretch on, each answered after 1 s: 10 answers a second all along."""
    replies = [Reply(n / 10, n / 10, n / 10 + 1) for n in range(-20, 80)]
    found = Round(0, 8, [reply for reply in replies if reply.due >= 0], [reply for reply in replies if reply.due < 0])
    assert found.halves() == pytest.approx((10, 10), abs=0.26)  # one answer more or less, at a border


def test_what_was_due_before_the_stretch_is_kept_aside(server):
    server.seconds = lambda _: 0.001
    found = opened(server.address, [b"photo"], Look(), rate=50, warm_up=0.5, seconds=1.0, seed=1)
    assert found.earlier
    assert all(reply.due < found.start for reply in found.earlier)
    assert all(found.start <= reply.due <= found.start + 1 for reply in found.replies)


def test_refusals_are_counted_and_are_no_answers(server):
    server.refuses = True
    found = opened(server.address, [b"photo"], Look(), rate=40, warm_up=0, seconds=1.0)
    assert found.replies
    assert all(reply.retryable for reply in found.replies)
    assert (found.per_second(), set(found.errors())) == (0, {"Overloaded"})


def test_arrivals_are_poisson_and_repeatable():
    times = arrivals(20, 500, seed=4)
    assert times == arrivals(20, 500, seed=4)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    # 10,000 arrivals: the mean gap is within 4 standard errors (1 % each), and so is the deviation, its equal.
    assert statistics.mean(gaps) == pytest.approx(0.05, rel=0.04)
    assert statistics.stdev(gaps) == pytest.approx(0.05, rel=0.06)


def flat(count, seconds=10.0, error=""):
    """A round of `count` answers whose latencies are 1, 2, ... ms."""
    return Round(0, seconds, [Reply(0, 0, n / 1000, error) for n in range(1, count + 1)])


def test_percentiles_and_their_intervals():
    found = percentiles(histogram([flat(10_000)]))
    assert found["p50"]["ms"] == pytest.approx(5000, rel=0.002)
    assert found["p99"]["ms"] == pytest.approx(9900, rel=0.002)
    # Binomial: 1.96 * sqrt(0.25 / 10000) = 0.98 % of ranks on each side.
    assert found["p50"]["low_ms"] == pytest.approx(4902, rel=0.002)
    assert found["p50"]["high_ms"] == pytest.approx(5098, rel=0.002)
    assert [name for name, each in found.items() if each["is_known"]] == ["p50", "p90", "p99", "p99.9"]
    assert [name for name, each in percentiles(histogram([flat(200)])).items() if each["is_known"]] == ["p50", "p90"]


def test_goodput_counts_answers_in_time_only():
    assert flat(100).goodput(target_ms=40) == 4.0
    assert flat(100, error="Overloaded").goodput(40) == 0


METRICS = """nv_inference_request_success{model="refine",version="1"} %d
nv_inference_queue_duration_us{model="refine",version="1"} %d
nv_inference_compute_input_duration_us{model="refine",version="1"} %d
nv_inference_compute_infer_duration_us{model="refine",version="1"} 4e+06
nv_inference_compute_output_duration_us{model="refine",version="1"} 0
"""


def test_stage_split_is_the_growth_per_photo():
    before, after = (
        Snapshot({(name, model): float(value) for name, model, value in LINE.findall(METRICS % figures)})
        for figures in ((10, 1000, 0), (20, 51_000, 20_000))
    )
    assert after.since(before) == {"refine": {"photos": 10, "queue_ms": 5.0, "compute_ms": 2.0}}


def result(speed, latency=1.0):
    level = row("closed 2", [flat(int(speed * 10 + n)) for n in (0, 1, 2)], 50)
    if latency != 1.0:
        replies = [Reply(0, 0, n * latency / 1000) for n in range(1, 400)]
        level["latency_ms"] = percentiles(histogram([Round(0, 10, replies)]))
    origin = {"machine": "m", "cores": 2, "commit": "c", "dirty": False, "command": "x", "date": "d"}
    return {
        "schema": 1, "provenance": origin | {"load_1min": 0.1, "packages": {}}, "photo": {}, "rounds": 3,
        "seconds": 10, "warm_up_s": 1, "target_ms": 50, "levels": [level], "stages": {},
        "engines": {"segment": "OpenVINO"},
        "efficiency": {"ensemble_per_s": 1, "slowest_stage": "refine", "slowest_alone_per_s": 2, "ratio": 0.5},
    }  # fmt: skip


def test_result_keeps_its_schema_and_its_histogram(tmp_path):
    kept = tmp_path / "a.json"
    kept.write_text(json.dumps(result(20)))
    read = read_result(kept)
    assert latencies(read["levels"][0]).get_value_at_percentile(50) == pytest.approx(101_000, rel=0.02)
    (tmp_path / "b.json").write_text('{"schema": 1}')
    with pytest.raises(ValueError, match=r"b\.json is no result of perf\.bench"):
        read_result(tmp_path / "b.json")
    check_result(result(3))


def test_named_server_is_not_held_against_this_machine(server, tmp_path, monkeypatch):
    """It may run on another one: no stage is timed alone here, and figures and schema do without."""
    monkeypatch.setattr(bench, "engines", lambda address: {"segment": "OpenVINO"})
    monkeypatch.setattr(bench.metrics, "look", lambda address: Snapshot({}))
    server.seconds = lambda _: 0.01
    loads = ["--concurrency", "2", "--shares", "0.5", "--rounds", "1", "--seconds", "0.5", "--warm-up", "0.1"]
    kept = tmp_path / "bench-cpu.json"
    assert bench.main(["--server", server.address, "--metrics", "m:1", "--result", str(kept), *loads]) == 0
    assert "efficiency" not in read_result(kept)
    monkeypatch.setattr(figures, "RESULTS", tmp_path)
    assert "| closed 2 |" in figures.bench()
    assert "slowest" not in figures.bench()
    check_result({name: value for name, value in result(3).items() if name != "efficiency"})


def test_a_server_of_its_own_is_the_cpu_profile_on_any_machine(monkeypatch):
    """The slowest stage alone runs on the CPU: beside a server on a GPU their ratio would say nothing."""

    def running(*arguments):
        raise InterruptedError(arguments)

    monkeypatch.setattr(bench, "running", running)
    with pytest.raises(InterruptedError, match="--profile=cpu"):
        bench.main([])


def test_verdict_needs_rounds_that_do_not_overlap():
    assert verdict([1.0, 1.2], [1.1, 1.4]) == "same"
    assert verdict([1.0, 1.2], [1.3, 1.4]) == "faster"
    assert verdict([1.0, 1.2], [0.8, 0.9]) == "slower"
    (compare,) = compared(result(20), result(30))
    assert (compare["throughput"], compare["latency"]) == ("faster", "slower")
    (compare,) = compared(result(20), result(20))
    assert (compare["throughput"], compare["latency"]) == ("same", "same")
