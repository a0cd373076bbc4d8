"""Sends a digest to chats and mailboxes through Apprise, whose addresses carry secrets: no text of ours shows one."""

import importlib.util
import logging
import re
from collections.abc import Callable, Sequence
from functools import partial

from taskhouse.errors import ConfigurationError, Retryable

_SCHEME = re.compile(r"([a-z][a-z0-9]{1,15})://")
_STATUS = re.compile(r"\berror=(\d{3})\b")


def send(
    title: str, text: str, html: str, addresses: Sequence[str], delivered: Callable[[str], None] | None = None
) -> list[str]:
    """Send it to each address, such as ``slack://…`` or ``mailto://…``: as HTML to services that show it, else as text.

    Every address is tried, even if others failed; ``delivered`` is called with each that took it.

    Returns:
        The services, each as its scheme.

    Raises:
        ConfigurationError: Apprise is not installed, there is no address, or one of them cannot be read: nothing is
            sent then.
        Retryable: Some did not take it; says which, and what they answered.
    """
    if importlib.util.find_spec("apprise") is None:
        raise ConfigurationError(
            "Sending needs Apprise, which is not installed.", hint='Run `pip install "taskhouse[notify]"`.'
        )
    if not addresses:
        raise ConfigurationError(
            "There is nobody to send the digest to.",
            hint="Set TASKHOUSE_NOTIFY to the address of a chat or a mailbox, as in docs/digest.md.",
        )
    import apprise  # noqa: PLC0415 - an extra, which most do not install

    logging.getLogger("apprise").propagate = False  # what it logs names hosts and people
    asset = apprise.AppriseAsset(app_id="taskhouse", async_mode=False, secure_logging=True)
    targets = []
    for number, address in enumerate(addresses, start=1):
        target = apprise.Apprise(asset=asset)
        if not (_SCHEME.match(address) and target.add(address)):
            raise ConfigurationError(
                f"Address {number} of TASKHOUSE_NOTIFY cannot be read.",
                hint="Write it as in docs/digest.md, for example slack://TokenA/TokenB/TokenC/#channel.",
            )
        targets.append((address, target))
    refused = []
    for number, (address, target) in enumerate(targets, start=1):
        answers: list[str] = []
        shows_html = target[0].notify_format == apprise.NotifyFormat.HTML
        taken = target.notify(
            title=title,
            body=html if shows_html else text,
            body_format=apprise.NotifyFormat.HTML if shows_html else apprise.NotifyFormat.TEXT,
            log_callback=partial(_listen, answers),
        )
        if not taken:
            why = f"HTTP {answers[-1]}" if answers else "no answer"
            refused.append(f"{_kind(address)} (address {number}): {why}")
        elif delivered:
            delivered(address)
    if refused:
        raise Retryable(
            f"The digest did not reach everyone: {'; '.join(refused)}.",
            hint="Check these addresses in TASKHOUSE_NOTIFY, then run `taskhouse digest --send` again.",
        )
    return [_kind(address) for address, _ in targets]


def _listen(answers: list[str], entry: object, _: object) -> None:
    answers.extend(_STATUS.findall(str(entry)))


def _kind(address: str) -> str:
    found = _SCHEME.match(address)
    return found[1] if found else "address"
