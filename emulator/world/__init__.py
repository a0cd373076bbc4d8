"""What the emulated PostHog knows: tasks, runs, people, repositories and how they change."""
