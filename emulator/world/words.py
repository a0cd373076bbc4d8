"""The vocabulary of made-up tasks."""

VERBS = (
    "Fix", "Add", "Refactor", "Investigate", "Remove", "Document", "Speed up", "Migrate", "Test", "Rename",
    "Upgrade", "Instrument", "Simplify", "Review", "Backfill", "Harden",
)  # fmt: skip
THINGS = (
    "checkout rounding", "flaky retry test", "billing export", "session replay button", "login redirect",
    "feature flag cleanup", "CSV import", "dark mode toggle", "webhook signature", "rate limit banner",
    "invoice PDF", "search index", "onboarding survey", "error boundary", "cohort query", "email digest",
    "naïve date parsing", "Überblick page", "日本語 locale", "emoji 🎉 picker",
)  # fmt: skip
AREAS = (
    "the cart", "the API", "the dashboard", "the worker", "mobile", "settings", "the warehouse sync",
    "the CI pipeline", "the plugin server", "EU cloud", "the public docs", "self-hosted",
)  # fmt: skip
FIRST_NAMES = ("Ada", "Grace", "Linus", "Margaret", "Ken", "Barbara", "Dennis", "Radia")
LAST_NAMES = ("Byron", "Murray", "Berg", "Heafield", "Lane", "Liskov", "Roe", "Spring")
ROLES = ("engineering", "engineering", "product", "engineering", "data", "founder", "engineering", "engineering")

ORGANIZATIONS = ("acme", "acme", "acme", "globex", "initech")
REPOSITORIES = (
    "shop-web", "billing-api", "mobile-app", "data-pipeline", "design-system", "python-sdk", "docs-site",
    "infra", "playground", "worker", "checkout", "gateway", "analytics-frontend", "auth-server", "notebooks",
    "js-client", "landing", "search", "calibrate", "latest-news",
)  # fmt: skip

MODELS = (
    ("claude", "anthropic", "claude-opus-4-8"),
    ("claude", "anthropic", "claude-sonnet-5"),
    ("claude", "anthropic", "claude-haiku-4-5"),
    ("codex", "openai", "gpt-5.5-codex"),
)
EFFORTS = ("low", "medium", "high", "xhigh", "max", None)
ERRORS = (
    "Sandbox exited with code 137",
    "Agent reported error: context window exceeded",
    "Timed out waiting for the sandbox",
    "Push rejected: protected branch",
)
ARTIFACTS = (("plan", "plan.md"), ("context", "context.md"), ("output", "report.md"), ("reference", "notes.md"))
"""(type, name)"""
