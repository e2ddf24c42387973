"""The sums of the budget of bodies are those of the bodies after any events in any order."""

from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from wablock.failures import BodyTooLarge
from wablock.server.protocol.bodies import BodyBudget, IncomingBody

ALL: Final = 400
STRANGERS: Final = 300


class Budget(RuleBasedStateMachine):
    """Bodies arrive, are proven, end, fail and are released; the budget is small enough to refuse some of them."""

    bodies: Bundle[IncomingBody] = Bundle("bodies")

    def __init__(self) -> None:
        super().__init__()
        self.budget = BodyBudget(ALL, STRANGERS)
        self.open_bodies: list[IncomingBody] = []

    @rule(target=bodies)
    def begin(self) -> IncomingBody:
        body = IncomingBody(self.budget, None, lambda: None)
        self.open_bodies.append(body)
        return body

    @rule(body=bodies, size=st.integers(1, 250))
    def arrive(self, body: IncomingBody, size: int) -> None:
        if not body.is_whole:
            body.add(b"x" * size)
            body.count()

    @rule(body=bodies, size=st.integers(1, 250))
    def arrive_uncounted(self, body: IncomingBody, size: int) -> None:
        if not body.is_whole:
            body.add(b"x" * size)

    @rule(body=bodies)
    def prove(self, body: IncomingBody) -> None:
        if body.is_of_a_stranger:
            self.budget.prove(body)

    @rule(body=bodies)
    def end(self, body: IncomingBody) -> None:
        if not body.is_whole:
            body.end()

    @rule(body=bodies)
    def fail(self, body: IncomingBody) -> None:
        body.fail(BodyTooLarge(1))

    @rule(body=bodies)
    def lose_client(self, body: IncomingBody) -> None:
        body.disconnected()

    @rule(body=consumes(bodies))
    def release(self, body: IncomingBody) -> None:
        body.release()
        self.open_bodies.remove(body)

    @invariant()
    def counts_every_body_once(self) -> None:
        budget = self.budget

        assert budget._all == sum(body.counted for body in self.open_bodies)
        assert budget._strangers == sum(body.counted for body in budget._unfinished)
        assert set(budget._unfinished) <= set(self.open_bodies)

    @invariant()
    def keeps_within_its_bounds(self) -> None:
        assert 0 <= self.budget._all <= ALL
        assert 0 <= self.budget._strangers <= STRANGERS

    @invariant()
    def knows_unfinished_strangers_only(self) -> None:
        for body in self.budget._unfinished:
            assert body.is_of_a_stranger
            assert body.has_failed or not body.is_whole

    def teardown(self) -> None:
        for body in self.open_bodies:
            body.release()

        assert (self.budget._all, self.budget._strangers, len(self.budget._unfinished)) == (0, 0, 0)


TestBudget = Budget.TestCase
TestBudget.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
