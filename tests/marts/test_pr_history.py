"""Pull requests, the bounds of their changes and their cost, against plain Python over drawn rows."""

import json
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

Row = dict[str, Any]
Key = tuple[int, str]

START = datetime(2026, 3, 26, 12, 0, tzinfo=UTC)
FILLED = ("raw.run_versions", "raw.task_versions", "raw.task_sightings", "raw.task_usage")


def drawn(seed: int) -> dict[str, list[Row]]:
    """Runs that name pull requests of their tasks and of others, in states that come and go; some costs are unknown."""
    dice = random.Random(seed)
    rows: dict[str, list[Row]] = {table: [] for table in FILLED}
    for number in range(40):
        project, task = dice.choice([1, 2]), f"t{dice.randrange(12)}"
        run = {"project_id": project, "task_id": task, "run_id": f"r{number}"}
        moment = START + timedelta(minutes=dice.randrange(9000))
        own = f"https://github.com/Acme/a/pull/{dice.randrange(12)}"
        urls = dice.choice([None, [], [own], [own, f"https://github.com/acme/b/pull/{dice.randrange(4)}"]])
        for _ in range(dice.randrange(1, 7)):
            names = dice.random() < 0.8
            url = own if names and dice.random() < 0.9 else None
            output = {"pr_urls": urls} if names else {}
            version = {"created_at": START, "observed_in": dice.choice(["runs", "run", "task"]), "pr_url": url}
            state = dice.choice([None, "unknown", "open", "open", "draft", "closed", "merged"]) if names else None
            version |= {"pr_state": state, "valid_from": moment, "payload": json.dumps({"output": output})}
            rows["raw.run_versions"].append(run | version)
            moment += timedelta(minutes=dice.randrange(1, 2000))
    for project in (1, 2):
        for number in range(12):
            task_of = {"project_id": project, "task_id": f"t{number}"}
            rows["raw.task_versions"].append(task_of | {"valid_from": START})
            rows["raw.task_sightings"].append(task_of | {"first_seen_at": START})
            if dice.random() < 0.8:
                cost = dice.choice([None, 1.25, 3.0, 7.5])
                rows["raw.task_usage"].append(task_of | {"valid_from": START, "total_cost_usd": cost})
    return rows


def looks(rows: list[Row]) -> dict[Key, dict[str, list[Row]]]:
    """For each pull request, and run that names it, what each look at the run's own row showed from then on."""
    found: dict[Key, dict[str, list[Row]]] = defaultdict(dict)
    own = [row for row in rows if row["observed_in"] != "task"]
    for run in sorted({(row["project_id"], row["run_id"]) for row in own}):
        mine = sorted((row for row in own if (row["project_id"], row["run_id"]) == run), key=lambda r: r["valid_from"])
        before = mine[0]["created_at"]
        for row in mine:
            urls = {*(json.loads(row["payload"])["output"].get("pr_urls") or []), row["pr_url"]} - {None}
            for url in urls:
                tells = (url == row["pr_url"] or len(urls) == 1) and row["pr_state"] != "unknown"
                seen = {"at": row["valid_from"], "state": row["pr_state"] if tells else None, "before": before}
                found[run[0], url].setdefault(run[1], []).append(seen | {"task": row["task_id"]})
            before = row["valid_from"]
    return found


def history(runs: dict[str, list[Row]]) -> list[Row]:
    """States of one pull request in their order, each with its bounds."""
    opened_before = min(seen[0]["at"] for seen in runs.values())
    opened_after = min(opened_before, *(seen[0]["before"] for seen in runs.values()))
    observed = []
    for run, seen in runs.items():
        known = [look for look in seen if look["state"]]
        for place, look in enumerate(known):
            if place == 0 or known[place - 1]["state"] != look["state"]:
                after = known[place - 1]["at"] if place else opened_after
                observed.append((look["at"], look["state"], run, after))
    if not any(at == opened_before for at, *_ in observed):
        observed.append((opened_before, "", "", opened_after))
    made: list[Row] = []
    for at, state, _, after in sorted(observed):
        if made and (made[-1]["state"] == "merged" or made[-1]["state"] == state):
            continue
        made.append({"state": state or None, "changed_after": after, "changed_before": at})
    merged = made[-1] if made[-1]["state"] == "merged" else {}
    about = {"opened_after": opened_after, "opened_before": opened_before}
    about |= {f"merged_{side}": merged.get(f"changed_{side}") for side in ("after", "before")}
    return [row | about for row in made]


@pytest.mark.parametrize("seed", [1, 2])
def test_each_change_has_its_bounds_and_each_cost_counts_once(scratch: Any, seed: int) -> None:
    rows = drawn(seed)
    for table, of_it in rows.items():
        scratch.fill(table, of_it)
    named = looks(rows["raw.run_versions"])
    wanted = {key: history(runs) for key, runs in named.items()}
    got: dict[Key, list[Row]] = defaultdict(list)
    for row in scratch.rows("SELECT * FROM main.pr_history ORDER BY project_id, pr_url, changed_before"):
        got[row["project_id"], row["pr_url"]].append(row)
    assert len(wanted) > 20
    assert got.keys() == wanted.keys()
    for key, changes in wanted.items():
        assert [{name: row[name] for name in changes[0]} for row in got[key]] == changes, key
        assert [row["is_current"] for row in got[key]] == [False] * (len(changes) - 1) + [True]

    merged = {key for key, changes in wanted.items() if changes[0]["merged_before"]}
    costs = {(row["project_id"], row["task_id"]): row["total_cost_usd"] for row in rows["raw.task_usage"]}
    tasks = {key: {look["task"] for seen in runs.values() for look in seen} for key, runs in named.items()}
    shares = scratch.rows("SELECT * FROM main.pr_cost")
    assert len(shares) == len(wanted)
    for row in shares:
        key = (row["project_id"], row["pr_url"])
        expected: float | None = 0.0
        for task in tasks[key]:
            own = {one for one, of_it in tasks.items() if one[0] == key[0] and task in of_it}
            bearers = own & merged or own
            cost = costs.get((key[0], task))
            part = None if cost is None else cost / len(bearers) if key in bearers else 0
            expected = None if expected is None or part is None else expected + part
        assert row["tasks"] == len(tasks[key])
        assert row["cost_known"] is (expected is not None)
        assert row["cost_usd"] == (None if expected is None else pytest.approx(expected))
    for table in FILLED:
        scratch.fill(table, [])
