import re

from perf.bench import read_result
from perf.plot import PLOT, RESULT, draw


def test_plot_is_that_of_the_committed_result(tmp_path):
    draw(read_result(RESULT), tmp_path / "bench.svg")
    drawn = (tmp_path / "bench.svg").read_text()
    assert drawn.count("<path") > 20
    for part in ("photos/s", "p99, open loop"):
        assert f"<!-- {part} -->" in drawn
    # Other versions of matplotlib draw other bytes, of the same figures.
    (shown,) = re.findall(r"levels [0-9a-f]{64}", drawn)
    title = f"<!-- {read_result(RESULT)['provenance']['commit'][:9]}"
    for part in (shown, title):
        assert part in drawn
        assert part in PLOT.read_text(), "run python -m perf.plot"
