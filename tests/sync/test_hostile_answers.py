"""Answers that no server should give: what cannot be read is kept as evidence, and the rest goes on."""

from typing import Any

POISON: tuple[object, ...] = ("not a uuid", "x' OR 1=1 --", "", "{", 7, None, ["a"], {"a": 1})


def test_ids_that_are_none_poison_no_later_pass(make_house: Any) -> None:
    house = make_house(emulator_tasks=30)
    house.sync("tasks")
    bad = {"kind": "mistyped_field", "endpoint": "tasks.list", "times": 1}
    house.emulator.faults(*[{**bad, "field": f"results.{n}.id", "value": value} for n, value in enumerate(POISON)])
    assert house.sync("tasks").verdict == "incomplete"
    assert house.rows("SELECT count(*) FROM ledger.quarantine WHERE resource = 'tasks'") == [(len(POISON),)]
    house.emulator.faults()
    report = house.sync("tasks")
    assert (report.verdict, house.present()) == ("complete", house.truth_tasks()), report.reason
