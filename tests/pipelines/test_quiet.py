"""The terminal of ``taskhouse dev``: quiet when all is well, and told what is not."""

from pathlib import Path

import dagster as dg
import pytest

from taskhouse.pipelines import home
from taskhouse.pipelines.definitions import build
from taskhouse.settings import Settings
from tests.pipelines.rows import Still

QUIETER = """# The terminal shows what needs a person; everything else is on the page of its run.
python_logs:
  python_log_level: WARNING

"""
"""What an earlier version did not have."""


def test_a_run_that_goes_well_says_nothing_and_one_that_fails_says_why(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(_env_file=None, project_ids=(1,), home=tmp_path)
    definitions = build(settings, Still(settings))
    with dg.DagsterInstance.from_config(str(home.prepare(settings))) as instance:
        capfd.readouterr()
        well = definitions.resolve_job_def("sync_maintenance").execute_in_process(instance=instance)
        said = capfd.readouterr()
        fails = definitions.resolve_job_def("sync_tasks").execute_in_process(
            instance=instance, partition_key="1", raise_on_error=False
        )
        printed = capfd.readouterr()

    assert (well.success, said.out + said.err) == (True, "")
    assert not fails.success
    assert "tasks of 1 was asked for" in printed.err


@pytest.mark.parametrize("changed", ["", "# mine\n"])
def test_the_configuration_of_an_earlier_version_is_brought_up_to_date_unless_somebody_changed_it(
    tmp_path: Path, changed: str
) -> None:
    settings = Settings(_env_file=None, home=tmp_path)
    config = home.prepare(settings) / home.CONFIG
    today = config.read_text("utf-8")
    assert QUIETER in today
    before = today.replace(QUIETER, "").replace("skipped: 1", "skipped: 3") + changed
    config.write_text(before, "utf-8")
    home.prepare(settings)
    assert config.read_text("utf-8") == (before if changed else today)
