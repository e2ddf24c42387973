"""The calls to `/v1/lists`, the shared lists of the token's account, and the methods of both clients. No I/O here."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from wablock.client.exchange import Exchange, HttpRequest
from wablock.client.failures import InvalidParameter, UnknownObject
from wablock.client.list_answers import AttachedList, SharedList, UserOfLists
from wablock.client.members import LISTS, path_of_list, response_of_lists, segment_of
from wablock.client.retrying import Retries

_ALL: Final = "all"

T = TypeVar("T")
_Answer = TypeVar("_Answer", bound=msgspec.Struct)
Kind = Literal["block", "allow"]


class _Lists(msgspec.Struct):
    data: list[SharedList]


class _NewList(msgspec.Struct):
    name: str
    kind: str


class _Place(msgspec.Struct, omit_defaults=True):
    phone_number_id: str | UnsetType = UNSET
    all: bool = False


class _Done(msgspec.Struct):
    effect: str = ""


class ListCalls:
    """The calls for the account of the token. `phone_number_id`: the number to attach lists to."""

    def __init__(self, phone_number_id: str, retries: Retries, chance: Callable[[], float]) -> None:
        self._phone_number_id = phone_number_id
        self._retries = retries
        self._chance = chance

    def lists(self) -> Exchange[list[SharedList]]:
        return (yield from self._send("GET", LISTS, _Lists)).data

    def add(self, name: str, kind: Kind) -> Exchange[SharedList]:
        """If a response was lost, the retry finds the name taken. Then the list is read, if it is as a new one."""
        try:
            return (yield from self._send("POST", LISTS, SharedList, _NewList(name, kind)))
        except InvalidParameter as error:
            if not error.may_have_taken_effect:
                raise
            for found in (yield from self.lists()):
                is_attached = found.attached_to_all or found.phone_number_ids
                if (found.name, found.kind) == (name.strip(), kind) and not is_attached:
                    return found
            raise

    def remove(self, list_id: str) -> Exchange[None]:
        """If a response was lost, the retry finds no such list."""
        try:
            yield from self._send("DELETE", path_of_list(list_id), _Done)
        except UnknownObject as error:
            if not error.may_have_taken_effect:
                raise

    def attach(self, list_id: str, *, all_numbers: bool) -> Exchange[AttachedList]:
        place = _Place(all=True) if all_numbers else _Place(self._phone_number_id)
        return (yield from self._send("POST", f"{path_of_list(list_id)}/attachments", AttachedList, place))

    def detach(self, list_id: str, *, all_numbers: bool) -> Exchange[bool]:
        place = _ALL if all_numbers else self._phone_number_id
        done = yield from self._send("DELETE", f"{path_of_list(list_id)}/attachments/{place}", _Done)
        return done.effect == "detached"

    def user(self, user: str) -> Exchange[UserOfLists]:
        return (yield from self._send("GET", f"/v1/users/{segment_of(user)}", UserOfLists))

    def _send(
        self, method: str, path: str, kind: type[_Answer], body: msgspec.Struct | None = None
    ) -> Exchange[_Answer]:
        request = HttpRequest(method, path, None if body is None else msgspec.json.encode(body))
        ids = (self._phone_number_id, *path.split("/")[3:4])
        answer, _ = yield from response_of_lists(request, kind, ids, self._retries, self._chance)
        return answer


class ListMethods(ABC):
    """The methods of `Client` for shared lists. Only wablock has them; others raise `ListsUnsupported`.

    The token must be for all numbers of its account.
    """

    _list_calls: ListCalls

    def lists(self) -> list[SharedList]:
        """The shared lists of the token's account, by name."""
        return self._run(self._list_calls.lists())

    def add_list(self, name: str, *, kind: Kind = "block") -> SharedList:
        """Add a shared list without members, which is in force nowhere before `attach`.

        Raises `InvalidParameter` if the name is taken.
        """
        return self._run(self._list_calls.add(name, kind))

    def remove_list(self, list_id: str) -> None:
        """Remove a shared list and its members. Raises `InvalidParameter` if it is attached."""
        return self._run(self._list_calls.remove(list_id))

    def attach(self, list_id: str, *, all_numbers: bool = False) -> AttachedList:
        """Let a shared list be in force on this client's number, or on all numbers of the account. It is on return.

        The result says which users an allow list freed; not after a retry, if the first response was lost.
        """
        return self._run(self._list_calls.attach(list_id, all_numbers=all_numbers))

    def detach(self, list_id: str, *, all_numbers: bool = False) -> bool:
        """The opposite of `attach`. Returns whether the list was attached there."""
        return self._run(self._list_calls.detach(list_id, all_numbers=all_numbers))

    def user(self, user: str) -> UserOfLists:
        """All lists of the account that have a user, and the numbers on which the user is blocked now."""
        return self._run(self._list_calls.user(user))

    @abstractmethod
    def _run(self, exchange: Exchange[T]) -> T: ...


class AsyncListMethods(ABC):
    """The methods of `AsyncClient` for shared lists."""

    _list_calls: ListCalls

    async def lists(self) -> list[SharedList]:
        """See `Client.lists`."""
        return await self._run(self._list_calls.lists())

    async def add_list(self, name: str, *, kind: Kind = "block") -> SharedList:
        """See `Client.add_list`."""
        return await self._run(self._list_calls.add(name, kind))

    async def remove_list(self, list_id: str) -> None:
        """See `Client.remove_list`."""
        return await self._run(self._list_calls.remove(list_id))

    async def attach(self, list_id: str, *, all_numbers: bool = False) -> AttachedList:
        """See `Client.attach`."""
        return await self._run(self._list_calls.attach(list_id, all_numbers=all_numbers))

    async def detach(self, list_id: str, *, all_numbers: bool = False) -> bool:
        """See `Client.detach`."""
        return await self._run(self._list_calls.detach(list_id, all_numbers=all_numbers))

    async def user(self, user: str) -> UserOfLists:
        """See `Client.user`."""
        return await self._run(self._list_calls.user(user))

    @abstractmethod
    def _run(self, exchange: Exchange[T]) -> Awaitable[T]: ...
