"""How long a follower has patience, and when it connects again."""

from taskhouse.posthog.reconnect_policy import Contact, End, Exhausted, FollowPolicy, Reconnect


def test_a_healthy_connection_clears_what_was_counted() -> None:
    contact = Contact(FollowPolicy(), draw=lambda: 1.0)
    waits = [contact.ended(End.BROKEN, lived_s=1) for _ in range(8)]
    assert waits == [Reconnect(wait) for wait in (0.5, 1, 2, 4, 8, 16, 30, 30)]
    assert contact.ended(End.BROKEN, lived_s=60) == Reconnect(0.5)
    assert contact.total == 1


def test_data_before_every_error_does_not_go_on_for_ever() -> None:
    contact = Contact(FollowPolicy())
    outcomes = []
    for _ in range(40):
        contact.connected()
        contact.data()
        outcomes.append(contact.ended(End.ERROR, lived_s=1))
    assert isinstance(outcomes[29], Exhausted)
    assert all(isinstance(outcome, Reconnect) for outcome in outcomes[:29])


def test_rotation_is_spread_and_not_counted() -> None:
    contact = Contact(FollowPolicy(), draw=lambda: 0.5)
    for _ in range(100):
        contact.connected()
        contact.data()
        assert contact.ended(End.ROTATED, lived_s=900) == Reconnect(1.0)
    assert (contact.total, contact.transport) == (0, 0)


def test_more_patience_than_there_is() -> None:
    assert isinstance(Contact(FollowPolicy()).ended(End.BROKEN, lived_s=0, asked_s=301), Exhausted)
