"""Which engine runs, and what is carried between host and device, as a caller sees it."""

import re
import urllib.request

from server.contract import Look

SEEN = re.compile(r'^milgrain_carried_bytes\{(?=.*stage="(\w+)")(?=.*what="(\w+)")[^}]*\} (\d+)', re.M)


def test_the_report_says_what_ran_every_network(client, photos):
    report = client.cut(photos["good.jpeg"], Look(size=200)).report
    assert set(report["engines"]) == {"locate", "segment", "relight"}
    assert all(re.fullmatch(r"OpenVINO \S+ bf16 on \d+ CPU threads?", one) for one in report["engines"].values())


def test_on_the_cpu_nothing_is_carried_to_a_device(client, server, photos):
    report = client.cut(photos["good.jpeg"], Look(size=200)).report
    assert report["device"] == {"host_to_device": 0, "device_to_host": 0}
    with urllib.request.urlopen(f"http://{server.metrics}/metrics", timeout=10) as page:
        counted = {(stage, what): int(count) for stage, what, count in SEEN.findall(page.read().decode())}
    assert {what for _, what in counted} == {"host_to_device", "device_to_host", "tables"}
    assert {stage for stage, _ in counted} >= {"locate", "crop", "segment", "refine", "relight", "composite"}
    assert not any(counted.values())
