"""What holds for all tests: their order, and how many examples a property has, none of them with a deadline."""

import os

import pytest
from hypothesis import Phase, settings

PHASES = [phase for phase in Phase if phase is not Phase.shrink or not os.environ.get("CI")]
"""To shrink an example can take minutes, and the person who fixes the failure can do that at their desk."""

settings.register_profile("unhurried", deadline=None, max_examples=20, phases=PHASES)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that take long, so that no worker is left alone with one of them at the end.

    Next are all tests that read the home ``synced``, so that few workers make one: neighbors go to the same worker.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, "synced" not in getattr(item, "fixturenames", ())))
