"""Injected faults: which requests fail, how, and how often. Nothing fails at random."""

import re
from typing import Annotated, Final

import msgspec
from msgspec import UNSET

from wablock import failures
from wablock.contract import errors, wire
from wablock.contract.errors import GraphError
from wablock.server.answers import Answer, encoded, error_body, failure
from wablock.server.request_ids import RequestIds

Amount = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]

_MOST_FAULTS: Final = 1_000
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# The failures that have a message in the contract. A fault may have any other code.
_KNOWN: Final[tuple[GraphError, ...]] = (
    errors.MissingAccessToken(),
    errors.InvalidAccessToken(),
    errors.PermissionDenied(),
    errors.InvalidParameter(),
    errors.ApplicationRequestLimit(1),
    errors.RateLimitHit("This number has had too many requests. Try again in 1 s."),
    failures.Overloaded("Nothing was changed. Try again."),
    errors.BlocklistConcurrentUpdate(),
    errors.BlocklistInternalError(),
    errors.BlockedByBusiness(),
    failures.NotSent("The upstream gave no answer"),
)


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """The next `times` requests that match fail.

    A request must match `method`, `path` (the beginning of the path, such as `/v25.0/`) and `path_matches` (a regular
    expression that is searched in the path); None matches any request. `status`, `code` and `retry_after` define the
    response. `delay` seconds pass before the request is processed. `drop` closes the connection without a response.
    With `after`, the request takes effect first, and only its response is lost.
    """

    method: str | None = None
    path: str | None = None
    path_matches: Annotated[str, msgspec.Meta(max_length=1_000)] | None = None
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] | None = None
    code: Amount | None = None
    subcode: Amount | None = None
    retry_after: Annotated[int, msgspec.Meta(ge=0, le=86_400)] | None = None
    delay: Annotated[float, msgspec.Meta(ge=0, le=600)] = 0.0
    drop: bool = False
    after: bool = False
    times: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1

    @property
    def fails(self) -> bool:
        """Whether the fault has a response of its own."""
        return self.status is not None or self.code is not None


class FaultState(msgspec.Struct):
    """A fault, and how many requests it has been applied to."""

    fault_id: int
    fault: Fault
    applied: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Whether the fault applies to this request and is not used up."""
        fault = self.fault
        return (
            self.applied < fault.times
            and (fault.method is None or fault.method.upper() == method)
            and path.startswith(fault.path or "")
            and re.search(fault.path_matches or "", path) is not None
        )


class Faults:
    """All faults, oldest first."""

    def __init__(self) -> None:
        self._states: list[FaultState] = []
        self._last_id = 0

    def add(self, fault: Fault) -> FaultState:
        """Add a fault. Raises `ValueError` if it is empty or invalid, or if there are too many."""
        _check_expression(fault.path_matches or "")
        if not (fault.fails or fault.delay or fault.drop):
            raise ValueError("A fault needs a status, a code, a delay or drop")
        if fault.method is not None and fault.method.upper() not in _METHODS:
            raise ValueError(f"method must be one of {', '.join(_METHODS)}")
        if fault.path is not None and not fault.path.startswith("/"):
            raise ValueError(f"path must begin with /, not {fault.path[:100]!r}")
        if len(self._states) >= _MOST_FAULTS:
            raise ValueError(f"There are already {_MOST_FAULTS} faults: remove them with DELETE /dev/faults")
        self._last_id += 1
        state = FaultState(self._last_id, fault)
        self._states.append(state)
        return state

    def listed(self) -> list[FaultState]:
        return list(self._states)

    def clear(self) -> None:
        self._states.clear()

    def take(self, method: str, path: str) -> FaultState | None:
        """The first fault that matches this request, counted as applied; None if no fault matches."""
        for state in self._states:
            if state.matches(method, path):
                state.applied += 1
                return state
        return None


def _check_expression(text: str) -> None:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"path_matches is not a valid regular expression: {error}") from None


def failing_answer(fault: Fault, ids: RequestIds, version: str) -> Answer:
    """The response of a fault, with the contract's message if the contract has one for this code."""
    code = errors.BlocklistInternalError.code if fault.code is None else fault.code
    known = next((error for error in _KNOWN if error.code == code), None)
    error = known or GraphError(f"(#{code}) An injected fault")
    body = error_body(error, ids)
    body.code = code
    if fault.subcode is not None:
        body.error_subcode = fault.subcode
    answer = failure(error, ids, version, retry_after=fault.retry_after)
    product = wire.WHATSAPP if error.names_product else UNSET
    answer.body = encoded(wire.ErrorEnvelope(messaging_product=product, error=body))
    answer.status = error.status if fault.status is None else fault.status
    answer.code = code
    return answer
