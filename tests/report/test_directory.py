"""The user's own file: owners, names of projects, campaigns; and how it says what is wrong with it."""

from datetime import date
from pathlib import Path

import pytest

from taskhouse.errors import ConfigurationError
from taskhouse.report.directory import Directory, load, of
from taskhouse.settings import Settings

ROOT = Path(__file__).parents[2]
SOME = """
[projects]
2 = "Shop"

[[owners]]
name = "Payments"
repositories = ["Acme/pay-*", "acme/ledger"]

[[owners]]
name = "Everyone else"
repositories = ["*"]

[[campaigns]]
name = "All of payments"
target = "ready"
by = 2026-12-31
repositories = ["acme/pay-*"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "taskhouse.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_repository_has_the_first_owner_that_matches_and_a_project_its_name_or_id(tmp_path: Path) -> None:
    known = load(written(tmp_path, SOME))
    assert [known.owner(name) for name in ("acme/pay-api", "acme/ledger", "acme/web")] == [
        "Payments",
        "Payments",
        "Everyone else",
    ]
    assert known.owned("Payments", ["acme/web", "acme/pay-api"]) == ("acme/pay-api",)
    assert (known.project(2), known.project(3)) == ("Shop", "project 3")
    [campaign] = known.campaigns
    assert (campaign.by, campaign.since, campaign.window) == (date(2026, 12, 31), None, None)


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    assert load(written(tmp_path, f"\ufeff{SOME}")).project(2) == "Shop"


def test_without_the_file_nothing_is_known_unless_somebody_named_it(tmp_path: Path) -> None:
    assert load(tmp_path / "taskhouse.toml") == Directory()
    assert Directory().owner("acme/web") is None
    named = Settings(_env_file=None, directory="phx_pasted_into_the_wrong_place")
    with pytest.raises(ConfigurationError, match="names a text that is not shown here, and there is no"):
        of(named)
    assert of(Settings(_env_file=None)) == Directory()


def test_the_file_in_the_home_comes_before_that_of_the_current_folder_and_after_a_named_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    written(tmp_path, SOME)
    assert of(Settings(_env_file=None, home=home)).project(2) == "Shop"
    written(home, '[projects]\n2 = "Of the home"\n')
    assert of(Settings(_env_file=None, home=home)).project(2) == "Of the home"
    assert of(Settings(_env_file=None, home=home, directory=tmp_path / "taskhouse.toml")).project(2) == "Shop"


def test_an_owner_that_the_file_does_not_have_is_refused_with_those_that_it_has(tmp_path: Path) -> None:
    known = load(written(tmp_path, SOME))
    with pytest.raises(ConfigurationError) as caught:
        known.owned("Paymets", ["acme/web"])
    assert str(caught.value) == (
        f"{tmp_path / 'taskhouse.toml'} has no owner 'Paymets'. The owners are: Payments, Everyone else."
    )
    with pytest.raises(ConfigurationError, match=r"^There are no owners, because there is no file taskhouse\.toml\."):
        Directory().owned("Payments", [])


WRONG = {
    "[projects]\n2 = Shop": "line 2",
    '[projects]\nshop = "Shop"': "projects.shop must be the numeric id of a project",
    "[[owners]]\nname = 'A'": "owners 1 (A): repositories is missing",
    "[[owners]]\nname = ''\nrepositories = ['*']": "owners 1: name must not be empty",
    "[[owners]]\nname = 'A'\nrepositories = []": "owners 1 (A): repositories must list at least one",
    "[[owners]]\nname = 'A'\nrepositories = 'acme/*'": "owners 1 (A): repositories must be a list of patterns",
    "[[owners]]\nname = 'A'\nrepositories = ['*']\nmail = 'x'": (
        "owners 1 (A): mail is not known here; the entries are name, repositories"
    ),
    "[owner]\nname = 'A'": "owner is not known here; the entries are projects, owners, campaigns",
    "[[owners]]\nname='A'\nrepositories=['*']\n[[owners]]\nname='A'\nrepositories=['*']": "owners names 'A' twice",
    "[[campaigns]]\nname='Q4'\ntarget='perfect'\nby=2026-12-31\nrepositories=['*']": (
        "campaigns 1 (Q4): target must be ready, partial or detected"
    ),
    "[[campaigns]]\nname='Q4'\ntarget='ready'\nby='soon'\nrepositories=['*']": (
        "campaigns 1 (Q4): by must be a day such as 2026-12-31"
    ),
    "[[campaigns]]\nname='Q4'\ntarget='ready'\nby=2026-12-31\nsince=2027-01-01\nrepositories=['*']": (
        "campaigns 1 (Q4): since must be before by"
    ),
    "[[campaigns]]\nname='Q4'\ntarget='ready'\nby=2026-12-31\nwindow=31\nrepositories=['*']": (
        "campaigns 1 (Q4): window must be a number of days from 1 to 30"
    ),
    "projects = 3": "projects must be a table",
    "owners = 3": "owners must be a list of tables, each under [[owners]]",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_named_with_the_file_the_entry_and_what_is_allowed(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    assert str(path) in caught.value.message
    assert WRONG[text] in caught.value.message
    assert "docs/report.md" in caught.value.hint


def test_every_mistake_is_named_at_once_and_no_control_character_is_repeated(tmp_path: Path) -> None:
    text = '[[owners]]\nname = "\\u001b[31mA"\nrepositories = []\n"b\\u001b" = 1\n'
    with pytest.raises(ConfigurationError) as caught:
        load(written(tmp_path, text))
    assert caught.value.message.count("owners 1") == 2
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = '\x00'"])
def test_a_file_that_is_no_text_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "taskhouse.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"taskhouse\.toml"):
        load(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path.parent)


def test_the_example_is_a_directory() -> None:
    known = load(ROOT / "examples" / "taskhouse.toml")
    assert known.projects
    assert known.owners
    assert known.campaigns
