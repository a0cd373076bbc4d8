"""Made-up material: what the agent says, which files it touches, what its commands print."""

from typing import Final

SENTENCES: Final = (
    "I'll start by reading {file} to see how {symbol} is used.",
    "The totals are rounded twice: once in {symbol} and again when the row is rendered.",
    "Let me run the tests around {symbol} before I change anything.",
    "That explains the failure, the fixture still uses the old shape.",
    "I see {n} call sites, and only two of them pass the locale.",
    "The helper in {file} already does this, so I can reuse it.",
    "Next I will move the check into {symbol} so that both paths share it.",
    "Tests pass locally; I'll look at the type errors now.",
    "There is a subtle point here: the cache key does not contain the team.",
    "I am going to keep the public signature and deprecate the old argument.",
    "The migration is safe to run twice because it checks for the column first.",
    "Only {file} needs to change, the other {n} files are generated.",
    "This is the same root cause as the earlier report about empty exports.",
    "I'll add a regression test that fails without the fix.",
    "The flaky test depends on the order of a dict, which I have made explicit.",
    "Reading the git history of {file} shows why this was written this way.",
    "We can drop the retry here since the caller already retries {n} times.",
    "Finally, I'll update the changelog and open the pull request.",
    "The linter complains about an unused import in {file}, removing it.",
    "I could not reproduce the problem with the default settings, so I will try with {symbol} enabled.",
    "The query plan shows a sequential scan over {n} rows; an index on the foreign key fixes that.",
    "Everything is green now. Here is a short summary of what changed and why.",
)
NASTY: Final = (
    "Résumé ✅ — 日本語のログ and 👩‍💻 ",
    "a line\u2028separator and a\u0085next line ",
    'quotes "inside" and C:\\temp\\new ',
    "tabs\tand\nnewlines\r\nand\n\ndata: not a field\n\nevent: end\n",
    "a NUL \x00 and an escape \x1b[31mred\x1b[0m ",
    "</script><!-- {} --> & “curly” ",
    "pairs \U0001d4ae\U0001d4ca\U0001f3f3\ufe0f\u200d\U0001f308 and e\u0301 ",
)
THOUGHTS: Final = (
    "The user wants the smallest change that fixes the report. ",
    "I should check whether {symbol} has other callers first. ",
    "If the value is None here the branch is never taken. ",
    "Maybe the bug is in {file} rather than in the test. ",
    "It would be wrong to silence the warning. ",
    "Two options: patch the serializer or normalise on input. ",
    "I need the exact error before I go on. ",
)
FILES: Final = (
    "src/billing/invoice.py",
    "src/checkout/reducer.ts",
    "frontend/src/scenes/insights/utils.tsx",
    "posthog/api/query.py",
    "tests/test_invoice.py",
    "packages/core/src/session.ts",
    "ee/clickhouse/materialize.py",
    "README.md",
    "src/données/export.py",
    "plugin-server/src/worker/ingestion/event-pipeline.ts",
)
SYMBOLS: Final = ("round_total", "useCheckout", "InvoiceRow", "get_query_runner", "parseSession", "EXPORT_LIMIT")
COMMANDS: Final = (
    ("pnpm test checkout", "Run checkout tests"),
    ("pytest -q tests/test_invoice.py", "Run the invoice tests"),
    ("git status --short", "Show what changed"),
    ("git diff --stat", "Show the size of the change"),
    ("ruff check . && mypy src", "Lint and type-check"),
    ("ls -la src", "List the sources"),
    ("docker compose logs --tail=200 worker", "Read the worker's log"),
)
OUTPUT_LINES: Final = (
    "  ✓ renders the total once (12 ms)\n",
    "PASSED tests/test_invoice.py::test_rounding[eur]\n",
    "FAILED tests/test_invoice.py::test_rounding[jpy] - AssertionError: assert 1099 == 1100\n",
    " M src/billing/invoice.py\n",
    "src/checkout/reducer.ts:118:9 - warning: 'total' is never reassigned\n",
    '{"level":"info","msg":"consumed batch","size":500,"lag":0}\n',
    "    def round_total(rows: list[Row], *, places: int = 2) -> Decimal:\n",
    "        return sum((row.net for row in rows), Decimal(0)).quantize(Decimal(10) ** -places)\n",
    "\n",
    "-rw-r--r-- 1 node node  4096 Sep 14 10:02 invoice.py\n",
    "E       assert Decimal('10.99') == Decimal('11.00')\n",
    "Tests:       2 failed, 41 passed, 43 total\n",
)
PLAN: Final = (
    "Reproduce the rounding bug",
    "Find every caller",
    "Fix the reducer",
    "Add a regression test",
    "Update the documentation",
    "Open the pull request",
)
PROMPTS: Final = (
    "Please also cover the empty case.",
    "CI is red on the lint job, can you look?",
    "Rebase on main and push again.",
    "Looks good. Can you explain the second change?",
)
ERRORS: Final = (
    ("Sandbox ran out of memory (“OOM”)", "agent_server_crash", "sandbox"),
    ("API Error: 529 overloaded_error", "agent_server", "provider"),
    ("Reached the maximum number of turns", "agent_server", "limit"),
    ("git push failed: remote: Permission denied", "agent_server", "repository"),
)
