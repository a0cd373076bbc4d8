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

ORIGINS = (
    ("user_created", 46), ("slack", 10), ("signal_report", 8), ("error_tracking", 7), ("session_summaries", 7),
    ("support_queue", 4), ("eval_clusters", 2), ("signals_scout", 2), ("onboarding", 2),
    ("posthog_ai", 2), ("experiments", 1), ("support_reply", 1), ("hogdesk", 1), ("review_hog", 1), ("loop", 1),
    ("workflow", 2), ("autoresearch", 1), ("task_analysis", 1), ("space_setup", 1), ("business_knowledge", 1),
    ("cloud_agents", 1),
)  # fmt: skip
"""(origin_product, weight), as of October 2026"""
OLD_ORIGINS = (*ORIGINS[:5], ("automation", 5), *ORIGINS[5:-6])
"""The same before."""
SPRING_ORIGINS = OLD_ORIGINS[:8]
"""The same in the interface that PostHog published in spring 2026."""

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
