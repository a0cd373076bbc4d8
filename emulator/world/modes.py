"""How a run's stream is served: pinned in the run's state when it is created, for the rest of its life."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from taskhouse.emulator.world.model import PRESENCE_GATED, THIN_TAIL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskhouse.emulator.settings import EmulatorSettings
    from taskhouse.emulator.world.model import Run


def pin(run: Run, settings: EmulatorSettings, given: Mapping[str, Any] | None = None) -> None:
    """Give a new run its modes, by the settings' shares and origins; ``given`` has the last word.

    The chance is the run's own, so that switching a mode on changes nothing else of the world.
    """
    rng = random.Random(f"modes-{run.seed}")
    thin, gated, proxied = rng.random(), rng.random(), rng.random()
    origin = run.task.origin_product
    wanted = {
        THIN_TAIL: thin < settings.thin_tail or origin in settings.thin_tail_origins,
        PRESENCE_GATED: gated < settings.presence_gated or origin in settings.presence_gated_origins,
    }
    for key, parameter in ((THIN_TAIL, "thin_tail"), (PRESENCE_GATED, "presence_gated")):
        run.state.pop(key, None)
        if (given or {}).get(parameter, wanted[key]):
            run.state[key] = True
    run.via_proxy = bool((given or {}).get("proxy", proxied < settings.proxy))
