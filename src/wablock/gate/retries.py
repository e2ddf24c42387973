"""The memory of receivers that accepted a webhook which another receiver did not accept.

The sender of such a webhook gets an error and sends the same bytes again. Then it goes only to the receivers that have
not accepted it. An entry is kept until all required receivers have accepted the webhook. So a webhook that is not a
retry is always delivered. The key is the verified signature, which is a digest of the bytes.
"""

from typing import Final

MOST_WEBHOOKS: Final = 10_000
MOST_RECEIVERS: Final = 50_000  # of all those webhooks together: 12 MB at most


class WebhookRetries:
    """The memory, with a limit: the webhooks that have waited longest for their retry are forgotten first."""

    def __init__(self, most_webhooks: int = MOST_WEBHOOKS, most_receivers: int = MOST_RECEIVERS) -> None:
        self._most_webhooks = most_webhooks
        self._most_receivers = most_receivers
        self._accepted: dict[bytes, set[str]] = {}
        self._receivers = 0

    def __len__(self) -> int:
        return len(self._accepted)

    def attempt(self, signature: str) -> "Attempt":
        """An attempt to deliver the webhook with this signature: `sha256=` and 64 hex digits."""
        digest = bytes.fromhex(signature[-64:])
        return Attempt(self, digest, set(self._accepted.get(digest, ())))

    def add(self, digest: bytes, receiver: str) -> None:
        receivers = self._accepted.get(digest)
        if receivers is None:
            receivers = self._accepted[digest] = set()
        if receiver not in receivers:
            receivers.add(receiver)
            self._receivers += 1
        while len(self._accepted) > self._most_webhooks or self._receivers > self._most_receivers:
            self.forget(next(iter(self._accepted)))

    def remove(self, digest: bytes, receiver: str) -> None:
        receivers = self._accepted.get(digest)
        if receivers is not None and receiver in receivers:
            receivers.remove(receiver)
            self._receivers -= 1
            if not receivers:
                del self._accepted[digest]

    def forget(self, digest: bytes) -> None:
        self._receivers -= len(self._accepted.pop(digest, ()))


class Attempt:
    """One delivery of a webhook to all of its receivers."""

    def __init__(self, memory: WebhookRetries, digest: bytes, accepted: set[str]) -> None:
        self._memory = memory
        self._digest = digest
        self._accepted = accepted
        self._has_succeeded = False

    def has(self, receiver: str) -> bool:
        """Whether the receiver accepted the webhook in an earlier attempt."""
        return receiver in self._accepted

    def add(self, receiver: str) -> None:
        """Record that the receiver accepted the webhook.

        This must not wait for the other receivers: a sender that timed out may retry while they still handle it.
        """
        self._accepted.add(receiver)
        if not self._has_succeeded:
            self._memory.add(self._digest, receiver)

    def remove(self, receiver: str) -> None:
        self._accepted.discard(receiver)
        self._memory.remove(self._digest, receiver)

    def succeeded(self) -> None:
        """Every required receiver has accepted the webhook."""
        self._has_succeeded = True
        self._memory.forget(self._digest)

    def failed(self) -> None:
        """A required receiver did not accept the webhook, so its sender will send it again.

        The receivers are added once more: another attempt may have succeeded in the meantime and forgotten them.
        """
        for receiver in self._accepted:
            self._memory.add(self._digest, receiver)
