from __future__ import annotations

import json
import re

import pytest

from perf.figures import DOCUMENTS, RESULTS, TABLES, updated
from perf.provenance import ROOT


@pytest.mark.parametrize("document", DOCUMENTS)
def test_tables_are_those_of_the_committed_results(document):
    assert (ROOT / document).read_text() == updated(document), "run python -m perf.figures"


def test_every_table_is_shown_somewhere():
    shown = {
        name for document in DOCUMENTS for name in re.findall(r"<!-- figures: (\w+)", (ROOT / document).read_text())
    }
    assert shown == set(TABLES)


def test_every_result_says_where_it_comes_from():
    results = list(RESULTS.glob("*.json"))
    assert results
    for path in results:
        said = json.loads(path.read_text())["provenance"]
        assert {"machine", "cores", "commit", "command", "date"} <= set(said), path
        assert len(said["commit"]) == 40, path
