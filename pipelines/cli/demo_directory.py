"""The file of names, owners and campaigns that a demo leaves in its home, as a user would write one."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from taskhouse.atomic import write

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
# What PostHog does not tell of the demo: names, owners and campaigns. docs/report.md explains it.

[projects]
1 = "Shop"

[[owners]]
name = "Storefront"
repositories = ["*/shop-web*", "*/mobile-app*", "*/design-system*", "*/checkout*", "*/landing*", "*/js-client*"]

[[owners]]
name = "Platform"
repositories = ["*/infra*", "*/gateway*", "*/worker*", "*/auth-server*", "*/playground*", "*/python-sdk*"]

[[owners]]
name = "Data"
repositories = ["*/data-pipeline*", "*/analytics-*", "*/notebooks*", "*/search*", "*/calibrate*"]

[[owners]]
name = "Billing and docs"
repositories = ["*/billing-api*", "*/docs-site*", "*/latest-news*"]

[[campaigns]]
name = "Storefront ready for agents"
by = {storefront}
repositories = ["*/shop-web*", "*/mobile-app*", "*/design-system*", "*/checkout*", "*/landing*", "*/js-client*"]

[[campaigns]]
name = "Every repository ready"
by = {everything}
repositories = ["*"]
"""
SOON, LATER = timedelta(weeks=2), timedelta(weeks=5)


def leave(path: "Path", today: date) -> None:
    """Write it, with campaigns that end some weeks after today."""
    write(path, TEXT.format(storefront=today + SOON, everything=today + LATER))
