"""Rows for the tables of ``raw`` and ``ledger``, drawn by dice: tasks, runs, events, passes, holes and quarantine."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
ENDED = ("completed", "failed", "cancelled")
TABLES = (
    "raw.task_versions raw.task_sightings raw.run_versions raw.run_events raw.run_log_entries"
    " ledger.passes ledger.gaps ledger.quarantine ledger.cursors"
).split()


class Dice(random.Random):
    """Draws moments of the five days before now, in which clocks went forward in Europe."""

    def moment(self, days: float = 5) -> datetime:
        return NOW - timedelta(milliseconds=self.randrange(round(days * 86_400_000)))

    def maybe(self, value: Any, share: float = 0.8) -> Any:
        return value if self.random() < share else None


def made_up(dice: Dice) -> dict[str, list[Row]]:
    """Rows of two projects whose tasks and runs have the same ids."""
    tables: dict[str, list[Row]] = {name: [] for name in TABLES}
    for project in (1, 2):
        for number in range(6):
            task = {"project_id": project, "task_id": f"t{number}"}
            for moment in sorted({dice.moment(9) for _ in range(dice.randint(1, 3))}):
                more = {"repository": dice.maybe(f"acme/{dice.choice('ab')}"), "created_at": dice.moment()}
                origin = dice.choice(["user_created", "slack", None])
                tables["raw.task_versions"].append({**task, "valid_from": moment, "origin_product": origin, **more})
            gone = dice.maybe(dice.moment(), 0.3)
            tables["raw.task_sightings"].append({**task, "first_seen_at": NOW - timedelta(9), "absent_since": gone})
        for number in range(25):
            _run(dice, tables, {"project_id": project, "task_id": f"t{dice.randrange(7)}", "run_id": f"r{number}"})
        for number in range(25):
            began = dice.moment()
            tables["ledger.passes"].append(
                {
                    "pass_id": f"{project}-{number}",
                    "project_id": project,
                    "resource": dice.choice(["tasks", "runs", "readiness", "run_events"]),
                    "started_at": began,
                    "finished_at": dice.maybe(began + timedelta(minutes=dice.randrange(900)), 0.9),
                    "verdict": dice.choice(["complete", "complete", "incomplete", "running"]),
                    "proven_at": dice.maybe(began - timedelta(minutes=dice.randrange(900)), 0.7),
                    "reason": f"reason {number}",
                    "reason_code": dice.choice(["moved", "refused", None]),
                    **{name: dice.randrange(100) for name in ("requests", "retries", "rows_seen", "rows_added")},
                    "throttled_s": dice.randrange(40) / 4,
                }
            )
    for number in range(20):
        resource = dice.choice(["tasks", "summaries", "run_log", "runs", "spool"])
        project_or_none = None if resource == "spool" else dice.choice([1, 2])
        settled = dice.maybe(NOW, 0.3)
        tables["ledger.quarantine"].append(
            {
                "resource": resource,
                "project_id": project_or_none,
                "record_key": str(number),
                "first_seen_at": dice.moment(),
                "replayed_at": settled,
            }
        )
    return tables


def _run(dice: Dice, tables: dict[str, list[Row]], run: Row) -> None:
    created = dice.moment(5)
    ended = min(NOW, created + timedelta(milliseconds=dice.randrange(200_000_000)))
    for moment in sorted({dice.moment() for _ in range(dice.randint(1, 3))}):
        urls = [f"https://github.com/Acme/{dice.choice('ab')}/pull/{dice.randrange(9)}" for _ in range(3)]
        output = {
            "pr_urls": dice.choice([None, [], urls[:1], urls[:2]]),
            "pr_state": dice.choice([None, "open", "draft", "closed", "unknown"]),
            "pr_merged": dice.maybe(dice.random() < 0.5),
            "ci_status": dice.maybe("passing"),
            "head_branch": dice.maybe(f"fix-{dice.randrange(9)}"),
        }
        shown = dice.maybe(output)
        tables["raw.run_versions"].append(
            {
                **run,
                "observed_in": dice.choice(["runs", "run", "task"]),
                "pr_state": "merged" if shown and shown["pr_merged"] else (shown or {}).get("pr_state"),
                "valid_from": moment,
                "status": dice.choice([*ENDED, "completed", "queued", "in_progress", "in_progress", "not_started"]),
                "environment": dice.choice(["local", "cloud", "cloud", None]),
                "model": dice.choice(["opus", "gpt", None]),
                "runtime_adapter": dice.choice(["claude", "codex", None]),
                "pr_url": dice.maybe(urls[0], 0.5),
                "created_at": dice.maybe(created, 0.95),
                "updated_at": dice.maybe(created + timedelta(minutes=dice.randrange(300)), 0.9),
                "completed_at": dice.maybe(ended, 0.7),
                "payload": json.dumps({"output": shown}),
            }
        )
    for table, layer in (("raw.run_events", "live"), ("raw.run_log_entries", "log")):
        for number in range(dice.choice([0, 0, 1, 5])):
            occurred = dice.maybe(dice.moment(2), 0.95)
            place = {"stream_ms": number, "stream_seq": 0} if layer == "live" else {"position": number}
            tables[table].append(
                {
                    **run,
                    **place,
                    "method": dice.choice(["_posthog/run_started", "_posthog/turn_complete", "session/update", None]),
                    "kind": dice.choice(["notification", "pi_run_started", "permission_request"]),
                    "occurred_at": occurred,
                    "received_at": (occurred or NOW) + timedelta(milliseconds=dice.randrange(90_000)),
                    "segment": f"{layer}-{dice.randrange(3)}",
                }
            )
    for _ in range(dice.choice([0, 0, 0, 1, 2])):
        found = {"detected_at": dice.moment(), "how": "numbering", "kind": dice.choice(["overrun", "refused", None])}
        known = {"certain": dice.random() < 0.5, "repaired_from_log": dice.random() < 0.5}
        tables["ledger.gaps"].append({"project_id": run["project_id"], "run_id": run["run_id"], **found, **known})
    if dice.random() < 0.3:
        position = f"{round(dice.moment().timestamp() * 1000)}-0"
        cursor = {"project_id": run["project_id"], "resource": "run_stream", "key": run["run_id"]}
        tables["ledger.cursors"].append({**cursor, "position": dice.maybe(position), "state": "live"})
