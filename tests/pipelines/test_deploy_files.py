"""The files of ``deploy`` agree with the code and with each other; `make test-scale` runs what can be run."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from dagster._core.instance.config import dagster_instance_config

from taskhouse.pipelines.cli.app import app
from taskhouse.settings import Settings
from taskhouse.variables import variable

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text("utf-8"))
SHARDS = [*yaml.safe_load_all((DEPLOY / "kubernetes/shards.yaml").read_text("utf-8"))]
VALUES = yaml.safe_load((DEPLOY / "kubernetes/values.yaml").read_text("utf-8"))
WORKSPACE = yaml.safe_load((DEPLOY / "workspace.yaml").read_text("utf-8"))
NAMES = [each["grpc_server"]["location_name"] for each in WORKSPACE["load_from"]]


def texts(value: Any) -> Iterator[str]:
    """Every text in a document, names included."""
    if isinstance(value, dict | list):
        for each in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value


def test_the_dagster_that_all_share_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "postgresql+psycopg2://a:b@localhost/c")
    (tmp_path / "dagster.yaml").write_text((DEPLOY / "dagster.yaml").read_text("utf-8"), "utf-8")
    config, _ = dagster_instance_config(str(tmp_path))
    assert (
        config["run_queue"]["max_user_code_failure_retries"] * config["run_queue"]["user_code_failure_retry_delay"]
        == 86_400
    )


def test_every_variable_is_a_setting() -> None:
    settings = {variable(name) for name in Settings.model_fields}
    said = " ".join((DEPLOY / "processes.py").read_text("utf-8").split())
    for text in (*texts(COMPOSE), *texts(SHARDS), said):
        assert {*re.findall(r"\b(?:TASKHOUSE|POSTHOG)_[A-Z_]+", text)} <= settings


def test_every_shard_has_a_service_a_disk_a_prefix_and_a_place_in_the_workspace() -> None:
    services = COMPOSE["services"]
    shards = [f"{what}-{name}" for what in ("shard", "publish") for name in NAMES]
    assert sorted(services) == sorted(["postgres", "webserver", "daemon", *shards])
    volumes = set()
    for name in NAMES:
        shard = services[f"shard-{name}"]
        assert shard["environment"]["TASKHOUSE_ASSET_PREFIX"] == name
        volumes.add(next(each for each in shard["volumes"] if each.endswith(":/data")))
        publisher = services[f"publish-{name}"]
        assert publisher["environment"]["TASKHOUSE_SHARD"] == name
        assert publisher["environment"]["POSTHOG_PROJECT_IDS"] == shard["environment"]["POSTHOG_PROJECT_IDS"]
        assert set(publisher["volumes"]) & set(shard["volumes"]) == {f"shard-{name}:/data"}
        assert services["webserver"]["environment"][f"SHARD_{name.upper()}_HOST"] == f"shard-{name}"
    assert len(volumes) == len(NAMES)
    assert [each["name"] for each in VALUES["dagsterWebserver"]["workspace"]["servers"]] == NAMES
    service, shard = SHARDS
    container = shard["spec"]["template"]["spec"]["containers"][0]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert service["metadata"]["name"] == shard["spec"]["serviceName"] == f"shard-{variables['TASKHOUSE_ASSET_PREFIX']}"
    assert shard["spec"]["replicas"] == 1, "one writer"
    publisher = {each["name"]: each["value"] for each in shard["spec"]["template"]["spec"]["containers"][1]["env"]}
    assert publisher["TASKHOUSE_SHARD"] == variables["TASKHOUSE_ASSET_PREFIX"]
    assert {publisher[name] == variables[name] for name in ("TASKHOUSE_HOME", "POSTHOG_PROJECT_IDS")} == {True}


def test_the_image_holds_what_the_package_is_made_of_and_nothing_else() -> None:
    lines = (DEPLOY / "compose/Dockerfile.dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    taken = {rule.removeprefix("!") for rule in rules[1:]}
    assert rules[0] == "*"
    links = {path.name for path in (DEPLOY.parent / "taskhouse").iterdir() if path.is_symlink()}
    assert taken == {"taskhouse", *links, "pyproject.toml", "README.md", "LICENSE"}


def test_the_commands_exist() -> None:
    commands = {each.name or each.callback.__name__ for each in app.registered_commands if each.callback}
    container = SHARDS[1]["spec"]["template"]["spec"]["containers"][0]
    for words in (COMPOSE["services"]["shard-a"]["command"].split(), container["command"]):
        assert words[:1] == ["taskhouse"]
        assert words[1] in commands
        assert words[2:] == ["--host", "0.0.0.0"]  # noqa: S104 - what it says
