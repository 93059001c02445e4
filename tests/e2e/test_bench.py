"""The benchmark's own run, short, on the real server."""

import pytest

from perf.bench import efficiency, main, read_result
from perf.stages import sample
from server.engines import CANARY


@pytest.mark.slow
def test_bench_writes_a_result_that_its_schema_accepts(server, tmp_path):
    result = tmp_path / "bench.json"
    where = ["--server", server.grpc, "--metrics", server.metrics, "--result", str(result)]
    assert (
        main([*where, "--concurrency", "1,3", "--shares", "0.5", "--rounds", "1", "--seconds", "6", "--warm-up", "1"])
        == 0
    )
    found = read_result(result)
    assert [level["level"] for level in found["levels"]] == ["closed 1", "closed 3", "open 0.5"]
    assert all(level["answers"] > 0 and not level["errors"] for level in found["levels"])
    assert set(found["stages"]) == {"decode", "locate", "crop", "segment", "refine", "relight", "composite", "encode"}
    assert "efficiency" not in found  # a server that is named may run on another machine
    capacity = max(level["photos_per_s"]["median"] for level in found["levels"])
    assert 0 < efficiency(found["stages"], capacity, sample(CANARY), 6)["ratio"] <= 1.5
