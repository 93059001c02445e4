from __future__ import annotations

import pytest

from server.report import Report


def test_time_between_stages_is_the_networks_or_waiting():
    """Stages of 10 ms, and 1, 20, 40, 2 and 4 ms between them, in nanoseconds."""
    report = Report.begin()
    at = 0
    for name, gap in (("decode", 0), ("crop", 20), ("refine", 40), ("relight", 1), ("composite", 2), ("encode", 4)):
        at += gap * 1_000_000
        report.facts["trace"].append((name, at, at + 10_000_000))
        at += 10_000_000
    report.close()
    spent = report.facts["timings_ms"]
    assert (spent["locate"], spent["segment"], spent["waiting"], spent["total"]) == (20, 40, 7, 127)
    assert sum(spent.values()) - spent["total"] == pytest.approx(spent["total"])
    assert "trace" not in report.facts
