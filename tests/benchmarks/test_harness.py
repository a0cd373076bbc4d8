"""The harness of the benchmarks: contenders are processes, take turns, and a failure of one stops no other."""

import json
from pathlib import Path

from benchmarks.harness import results, running
from benchmarks.harness.case import Case, CaseResults, Contender

COLUMNS = {"seconds": "seconds", "cpu_s": "processor time, s"}


def test_a_contender_that_fails_is_named_and_the_others_are_measured() -> None:
    good = Contender("good", "command", "Nothing.", ("true",))
    bad = Contender("bad", "command", "Nothing.", ("false",))
    case = Case("commands", "Two commands.", (good, bad), ({"tries": 1},), (), COLUMNS)
    turns = list(running.run(case, {"tries": 1}, rounds=1, full=False, only=frozenset({"good", "bad"})))
    assert [name for name, _ in turns] == ["good", "bad", "good"]
    outcome = turns[-1][1]
    assert [sorted(run) for run in outcome.runs["good"]] == [["cpu_s", "peak_mb", "seconds"]]
    assert list(outcome.failures) == ["bad"]
    assert "CalledProcessError" in outcome.failures["bad"]


def test_what_is_slow_is_measured_once_and_a_profile_does_not_warm_up() -> None:
    slow = Contender("slow", "command", "Nothing.", ("true",), slow=True)
    apart = Contender("apart", "command", "Nothing.", ("true",), apart=True)
    case = Case("commands", "Two commands.", (slow, apart), ({"tries": 1},), (), COLUMNS)
    turns = list(running.run(case, {"tries": 1}, rounds=3, full=False, only=frozenset({"slow", "apart"})))
    assert [name for name, _ in turns] == ["slow", "apart", "slow"]
    assert {name: len(runs) for name, runs in turns[-1][1].runs.items()} == {"slow": 1, "apart": 1}


def test_results_have_medians_ranges_and_ratios_of_neighbours(tmp_path: Path) -> None:
    ours = Contender("ours", "command", "Everything.")
    other = Contender("other", "command", "Nothing.")
    case = Case("rows", "Rows.", (ours, other), (), (), COLUMNS, per=("rows", "µs a row"))
    outcome = CaseResults(case, {"rows": 100}, {"rows": 100})
    outcome.runs = {
        "ours": [{"seconds": wait, "cpu_s": wait, "rows": 100} for wait in (1.0, 2.0, 9.0)],
        "other": [{"seconds": wait, "cpu_s": wait, "rows": 100} for wait in (3.0, 6.0, 9.0)],
    }
    found = results.Results(tmp_path, rounds=3, commit="abc")
    found.outcomes.append(outcome)
    found.write()
    lines = (tmp_path / "results.md").read_text("utf-8").splitlines()
    assert "| ours | 2 (1 to 9) | 2 (1 to 9) | 20,000 (10,000 to 90,000) | 1 |" in lines
    assert "| other | 6 (3 to 9) | 6 (3 to 9) | 60,000 (30,000 to 90,000) | 3 (1 to 3) |" in lines
    (only_case,) = json.loads((tmp_path / "results.json").read_text("utf-8"))["cases"]
    assert only_case["medians"]["ours"] == {"seconds": 2.0, "cpu_s": 2.0, "rows": 100}
    assert len(only_case["runs"]["other"]) == 3
