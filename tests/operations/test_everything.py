"""All five resources against the emulator's truth: complete, exact, and nothing the second time."""

from typing import Any


def test_a_sync_holds_the_truth_and_a_second_one_adds_nothing(make_house: Any) -> None:
    house = make_house(emulator_live_runs=6, emulator_speed=60, emulator_pace=5)
    assert [report.verdict for report in house.sync_all()] == ["complete"] * 5
    truth = house.emulator.truth()
    assert house.present() == house.truth_tasks()
    assert house.hashes() == house.truth_hashes()
    assert [name for (name,) in house.rows("SELECT repository FROM main.repositories ORDER BY 1")] == sorted(
        truth["repositories"]
    )
    assert house.counts()["readiness_snapshots"] == len(truth["readiness"]) == 18
    before = house.counts()
    assert before["run_events"] > 100
    assert [report.rows_added for report in house.sync_all()] == [0] * 5
    assert house.counts() == before


def test_every_raw_row_names_the_pass_and_page_that_brought_it(make_house: Any) -> None:
    house = make_house()
    house.sync_all()
    for table in ("task_versions", "run_versions", "readiness_snapshots"):
        orphans = house.rows(
            f"SELECT count(*) FROM raw.{table} AS row ANTI JOIN ledger.pages AS page"
            " ON page.pass_id = row.pass_id AND page.page = row.page"
        )
        assert orphans == [(0,)]
    assert house.rows(
        "SELECT count(*) FROM raw.run_events ANTI JOIN ledger.segments USING (segment)"
        " UNION ALL SELECT count(*) FROM raw.run_log_entries ANTI JOIN ledger.segments USING (segment)"
    ) == [(0,), (0,)]


def test_the_key_is_nowhere_on_disk(make_house: Any) -> None:
    house = make_house(emulator_live_runs=2, emulator_speed=60, emulator_pace=5)
    house.sync_all()
    key = house.emulator.api_key.encode()
    files = [path for path in house.settings.home.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if key in path.read_bytes()] == []


def test_signed_urls_and_secrets_of_the_state_are_not_kept(make_house: Any) -> None:
    house = make_house(emulator_live_runs=3, emulator_speed=60, emulator_pace=5)
    house.sync_all()
    for table in ("raw.run_versions", "raw.task_versions", "raw.run_events", "raw.run_log_entries"):
        assert house.rows(f"SELECT count(*) FROM {table} WHERE contains(payload, 'X-Amz-Signature')") == [(0,)]
    assert house.rows("SELECT count(*) FROM raw.run_versions WHERE contains(payload, 'sandbox_url')") == [(0,)]
