"""Reading the warehouse from Python: readiness day by day, changes, runs, and what they can be trusted for."""

# %% [markdown]
# # Reading the warehouse from Python
#
# Cells for Jupyter, VS Code and PyCharm, and a plain script: `python examples/readiness.py`. It reads the published
# copy, so a sync may run at the same time. Without your own data, run `taskhouse demo` first and set
# `TASKHOUSE_HOME=.taskhouse/demo`.

# %%
import taskhouse

house = taskhouse.open()
print(f"generation {house.generation}, {len(house.views())} views: {', '.join(house.views())}")

# %% [markdown]
# ## Readiness, day by day
# A day without information has no state: pandas shows it as missing, and nothing is filled in.

# %%
trend = house.frame("readiness_trend", window_days=7, columns=["repository", "day", "overall", "readiness_score"])
scores = trend.pivot_table(index="day", columns="repository", values="readiness_score")
print(scores.tail(7).round(0))

# %% [markdown]
# ## What changed, and when

# %%
changes = house.sql(
    """
    SELECT day, repository, window_days, previous_overall, overall
    FROM readiness_trend
    WHERE changed
    ORDER BY day DESC, repository
    LIMIT $limit
    """,
    limit=10,
)
print(changes.to_string(index=False))

# %% [markdown]
# ## Runs: counts add up, rates do not
# `run_daily` has a row for each repository, model and agent; add the counts and divide again.

# %%
daily = house.frame("run_daily", columns=["day", "completed", "finished"]).groupby("day").sum()
daily["success"] = daily["completed"] / daily["finished"]
print(daily.tail(7))

# %% [markdown]
# ## What the numbers can be trusted for

# %%
passes = house.frame("ledger.passes", columns=["resource", "started_at", "verdict", "reason"])
print(passes.sort_values("started_at").groupby("resource").tail(1).to_string(index=False))

# %%
house.close()
