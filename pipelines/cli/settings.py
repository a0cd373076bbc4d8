"""The reference of settings in Markdown, made from the settings themselves.

``python -m taskhouse.pipelines.cli.settings > docs/settings.md`` writes it; a test compares.
"""

import sys
from pathlib import Path
from typing import Any

from taskhouse.settings import Settings
from taskhouse.variables import variable

HEAD = """# Settings

Generated from the code by `python -m taskhouse.pipelines.cli.settings > docs/settings.md`.

Each setting is one environment variable and has no other name. You can also put it into a file `.env` in the folder
where you start `taskhouse`; the environment takes precedence. taskhouse refuses a `TASKHOUSE_…` variable that is not in
this list, so a misspelt setting never goes unnoticed. It ignores the `POSTHOG_…` variables of other tools. If one of
them looks like a misspelt setting, taskhouse warns and continues. There is one exception: if a key is set and
`POSTHOG_HOST` is not, it refuses a variable that looks like `POSTHOG_HOST`, such as `POSTHOG_URL`, because the key
would go to the default host. An error names the variable and the allowed values, but never its value.

If the key comes from the environment and `POSTHOG_HOST` from a `.env` file, taskhouse accepts only the hosts of PostHog
Cloud. Otherwise a folder that you happen to enter could choose where your key goes.

PostHog Cloud has two regions, and a key is valid in only one of them. Set `POSTHOG_HOST` to `https://us.posthog.com` or
`https://eu.posthog.com`, or to the origin of your own server.

`TASKHOUSE_HOME` is relative to the folder where you start `taskhouse`, unless it begins with `/` or `~`. This is also
true for the default, `.taskhouse`: run every command from the same folder, or set `TASKHOUSE_HOME` to an absolute path.
If you copy a home, both copies have the same id, and taskhouse treats what they write as one history. Sync only one of
them, and give each its own folder for backups.

By default taskhouse keeps everything that agents and people wrote: prompts, messages and tool output, including any
e-mail addresses and secrets in them. `TASKHOUSE_CAPTURE_TEXT=none` keeps only their structure and sizes.

The end of a name gives the unit: `_S` and `_SECONDS` mean seconds, `_HOURS` hours, `_DAYS` days, and `_GB` gigabytes.
The `_CRON` settings are cron expressions in the time zone `TASKHOUSE_TIMEZONE`.

| variable | meaning | default |
| --- | --- | --- |
"""


def reference() -> str:
    """The whole reference."""
    return HEAD + "".join(
        f"| `{variable(name)}` | {field.description} | {_shown(field.get_default(call_default_factory=True))} |\n"
        for name, field in Settings.model_fields.items()
    )


def _shown(default: Any) -> str:
    """A default as one would write it in the environment."""
    match default:
        case bool():
            text = str(default).lower()
        case tuple():
            text = ",".join(map(str, default))
        case Path() | str() | int() | float():
            text = str(default)
        case _:
            text = ""
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    sys.stdout.write(reference())
