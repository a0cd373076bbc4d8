-- Readiness from 0 to 100: the share of steps reached (see readiness_steps) over the capabilities that apply to the
-- repository. NULL if none applies, or if the state of one has no information.
CREATE MACRO main.readiness_score(core_suggestions, replay_insights, error_insights) AS
    round(
        100.0
        * (
            main.readiness_steps(core_suggestions)
            + main.readiness_steps(replay_insights)
            + main.readiness_steps(error_insights)
        )
        / nullif(
            3 * (
                CAST(core_suggestions <> 'not_applicable' AS INTEGER)
                + CAST(replay_insights <> 'not_applicable' AS INTEGER)
                + CAST(error_insights <> 'not_applicable' AS INTEGER)
            ),
            0
        ),
        1
    )
