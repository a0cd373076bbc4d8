"""Acme's own assets, made anew from each copy that taskhouse publishes."""

from pathlib import Path

import dagster as dg
import pandas as pd

from taskhouse import TaskhouseTables

PUBLISHED = dg.AssetKey(["posthog", "published"])
ROOT = Path(__file__).parents[2]


@dg.asset(deps=[PUBLISHED], group_name="digest", automation_condition=dg.AutomationCondition.eager())
def run_durations(posthog_tables: TaskhouseTables) -> pd.DataFrame:
    """How many runs each repository had, and how long the median one took."""
    runs = posthog_tables.frame("runs", columns=["repository", "run_id", "duration_s"])
    return runs.groupby("repository", dropna=False, as_index=False).agg(
        runs=("run_id", "count"), median_s=("duration_s", "median")
    )


@dg.asset(deps=[PUBLISHED], group_name="digest", automation_condition=dg.AutomationCondition.eager())
def failing_tools(posthog_tables: TaskhouseTables) -> pd.DataFrame:
    """The share of failed calls of each tool."""
    return posthog_tables.sql("""
        SELECT tool_name, count(*) AS calls, round(100 * avg(CAST(status = 'failed' AS INT)), 1) AS failed_pct
        FROM tool_calls WHERE tool_name IS NOT NULL GROUP BY ALL ORDER BY failed_pct DESC, tool_name
    """)


@dg.asset(group_name="digest", automation_condition=dg.AutomationCondition.eager())
def digest(run_durations: pd.DataFrame, failing_tools: pd.DataFrame) -> dg.MaterializeResult:
    """Both as one text file."""
    path = ROOT / "digest.txt"
    path.write_text(f"{run_durations.to_string(index=False)}\n\n{failing_tools.to_string(index=False)}\n", "utf-8")
    return dg.MaterializeResult(metadata={"runs": int(run_durations["runs"].sum()), "tools": len(failing_tools)})
