"""Which engine runs, and what is carried between host and device, as a caller sees it."""

import re

import pytest

from clients.client import Client
from perf.metrics import read
from perf.running import running
from server.contract import Look
from server.serve import DRIVER

SEEN = re.compile(r'^milgrain_carried_bytes\{(?=.*stage="(\w+)")(?=.*what="(\w+)")[^}]*\} (\d+)', re.M)
NO_GPU = pytest.mark.skipif(DRIVER.exists(), reason="auto takes the gpu profile here")


def counted(server) -> dict[tuple[str, str], int]:
    """Bytes by stage and kind, as the metrics port has them."""
    return {(stage, what): int(count) for stage, what, count in SEEN.findall(read(server.metrics))}


@NO_GPU
def test_the_report_says_what_ran_every_network(client, photos):
    report = client.cut(photos["good.jpeg"], Look(size=200)).report
    assert set(report["engines"]) == {"locate", "segment", "relight"}
    assert all(re.fullmatch(r"OpenVINO \S+ (bf16|f32) on \d+ CPU threads?", one) for one in report["engines"].values())


@NO_GPU
def test_on_the_cpu_nothing_is_carried_to_a_device(client, server, photos):
    report = client.cut(photos["good.jpeg"], Look(size=200)).report
    assert report["device"] == {"host_to_device": 0, "device_to_host": 0}
    found = counted(server)
    assert {what for _, what in found} == {"host_to_device", "device_to_host", "tables"}
    assert {stage for stage, _ in found} >= {"locate", "crop", "segment", "refine", "relight", "composite"}
    assert not any(found.values())


@pytest.mark.gpu
def test_on_a_gpu_only_the_files_are_carried(photos):
    """The photo's bytes go there, the picture's come back; the report is the host's from end to end."""
    with running("--profile=gpu") as server, Client(server.grpc) as client:
        before = counted(server)
        answer = client.cut(photos["good.jpeg"], Look(size=200))
        after = counted(server)
        engines = answer.report["engines"].values()
        assert len(engines) == 3
        assert not any(one.startswith("OpenVINO") for one in engines)
        sent, back = len(photos["good.jpeg"]), len(answer.image)
        assert answer.report["photo"]["lane"] != "cpu"
        carried = answer.report["device"]
        # encode reads every file that it makes once more, to see that the white is white, and may make a few.
        assert carried["host_to_device"] == sent + carried["device_to_host"]
        assert 0.95 * back < carried["device_to_host"] < 8 * back
        spent = {key: after[key] - before[key] for key in after}
        for what, expected in carried.items():
            assert sum(count for (_, kind), count in spent.items() if kind == what) == expected
        assert 0 < sum(count for (_, kind), count in spent.items() if kind == "tables") < 262_144
