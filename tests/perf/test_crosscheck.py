from perf.crosscheck import agreement


def figures(speeds, late):
    return [{"photos_per_s": speed, "p50": ms} for speed, ms in zip(speeds, late, strict=True)]


def test_rounds_that_overlap_agree():
    found = agreement(figures([2.0, 2.2], [900, 950]), figures([2.1, 2.3], [940, 990]))
    assert found["photos_per_s"] == {"ours": [2.0, 2.2], "perf_analyzer": [2.1, 2.3], "ratio": 0.955, "agree": True}
    assert found["p50"]["agree"]


def test_rounds_far_apart_do_not_agree():
    found = agreement(figures([2.0, 2.1], [900, 901]), figures([3.0, 3.1], [600, 601]))
    assert not found["photos_per_s"]["agree"]
    assert not found["p50"]["agree"]
