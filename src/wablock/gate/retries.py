"""Which receivers took a webhook that another receiver did not take.

Its sender gets an error and sends the same bytes again: then only those receivers get them that have not taken them.
This is remembered while the delivery as a whole has not succeeded, and forgotten when it has, so a webhook that is no
retry is never held back. The signature, which was verified, is the digest of the bytes.
"""

from typing import Final

MOST_WEBHOOKS: Final = 10_000
MOST_RECEIVERS: Final = 50_000  # of all those webhooks together: 12 MB at most


class WebhookRetries:
    """Bounded: the webhooks that have waited longest for their retry are forgotten first."""

    def __init__(self, most_webhooks: int = MOST_WEBHOOKS, most_receivers: int = MOST_RECEIVERS) -> None:
        self._most_webhooks = most_webhooks
        self._most_receivers = most_receivers
        self._taken: dict[bytes, set[str]] = {}
        self._receivers = 0

    def __len__(self) -> int:
        """How many webhooks are remembered."""
        return len(self._taken)

    def attempt(self, signature: str) -> "Attempt":
        """To deliver the webhook that has this signature: `sha256=` and 64 hex digits."""
        digest = bytes.fromhex(signature[-64:])
        return Attempt(self, digest, set(self._taken.get(digest, ())))

    def add(self, digest: bytes, receiver: str) -> None:
        receivers = self._taken.get(digest)
        if receivers is None:
            receivers = self._taken[digest] = set()
        if receiver not in receivers:
            receivers.add(receiver)
            self._receivers += 1
        while len(self._taken) > self._most_webhooks or self._receivers > self._most_receivers:
            self.forget(next(iter(self._taken)))

    def remove(self, digest: bytes, receiver: str) -> None:
        receivers = self._taken.get(digest)
        if receivers is not None and receiver in receivers:
            receivers.remove(receiver)
            self._receivers -= 1
            if not receivers:
                del self._taken[digest]

    def forget(self, digest: bytes) -> None:
        self._receivers -= len(self._taken.pop(digest, ()))


class Attempt:
    """One delivery of a webhook to all of its receivers."""

    def __init__(self, memory: WebhookRetries, digest: bytes, taken: set[str]) -> None:
        self._memory = memory
        self._digest = digest
        self._taken = taken
        self._has_succeeded = False

    def has(self, receiver: str) -> bool:
        """Whether the receiver took it in an earlier attempt."""
        return receiver in self._taken

    def took(self, receiver: str) -> None:
        """Remembered at once: a sender that no longer waits may send it again while other receivers are at work."""
        self._taken.add(receiver)
        if not self._has_succeeded:
            self._memory.add(self._digest, receiver)

    def did_not_take(self, receiver: str) -> None:
        self._taken.discard(receiver)
        self._memory.remove(self._digest, receiver)

    def succeeded(self) -> None:
        """Every receiver that is waited for has it."""
        self._has_succeeded = True
        self._memory.forget(self._digest)

    def failed(self) -> None:
        """Its sender will send it again. Another attempt may have succeeded and forgotten it meanwhile."""
        for receiver in self._taken:
            self._memory.add(self._digest, receiver)
