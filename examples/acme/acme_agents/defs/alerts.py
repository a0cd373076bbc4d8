"""Where Acme hears of passes that failed or are not proved complete."""

import json
import os
import urllib.request

from taskhouse import Alert, failure_sensor


def notify(alert: Alert) -> None:
    """Post one line to a webhook of Slack, or of anything else that takes JSON with a text."""
    request = urllib.request.Request(  # noqa: S310 - Acme's own address
        os.environ["ALERTS_WEBHOOK"],
        data=json.dumps({"text": str(alert)}).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - the same


alerts = failure_sensor(notify)
