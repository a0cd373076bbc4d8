"""Events that arrived together are redacted like each of them by itself."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.capture import sanitize
from taskhouse.posthog.sse import Frame

TEXTS = st.sampled_from(
    [
        b'{"type":"notification","text":"hello?"}',
        b'{"type":"task_run_state","state":{"sandbox_url":"https://secret","mode":"background"}}',
        b'{"url":"https://s3/file?X-Amz-Credential=a&X-Amz-Signature=b","n":1}',
        b'{"text":"ends in \\"task_run_',
        b'state\\" begins so: X-Amz-Signature=',
        b"\xff?",
    ]
)


@pytest.mark.parametrize("text", ["full", "none"])
@given(texts=st.lists(TEXTS, max_size=5))
def test_events_together_are_redacted_like_each_by_itself(texts: list[bytes], text: Literal["full", "none"]) -> None:
    frames = [Frame("", f"{n}-0" if n else None, data) for n, data in enumerate(texts)]
    apart = [sanitize.entry(frame.id, frame.data, text) for frame in frames]
    assert sanitize.entries(frames, text) == apart
    if text == "full":
        assert [one.redacted for one in apart] == [b"secret" in data or b"Credential" in data for data in texts]
