"""What tasks come from, each product with its weight, as of three times."""

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
