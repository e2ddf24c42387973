"""The peer: the same three operations, as a competent developer writes them in an afternoon.

It uses FastAPI, pydantic and SQLAlchemy's asyncio session on SQLite (WAL, synchronous=FULL, as durable as wablock).
Each request has a session and a commit. It runs on uvicorn with uvloop and httptools, without an access log.

    python -m benchmarks.peers.ordinary_service PORT FILE

or `python -m uvicorn --factory benchmarks.peers.ordinary_service:create`, with the file in ORDINARY_DATABASE. The token
is TOKEN, the number PHONE_NUMBER_ID.
"""

import hashlib
import os
import re
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from pydantic import BaseModel
from sqlalchemy import ForeignKey, Index, UniqueConstraint, delete, event, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

TOKEN = "wablock-bench-token"  # as the load scripts send it
PHONE_NUMBER_ID = "106540352242922"

_PUNCTUATION = str.maketrans("", "", " -.()+")
_WA_ID = re.compile(r"[1-9][0-9]{6,14}")


class Base(DeclarativeBase):
    pass


class AccessToken(Base):
    __tablename__ = "access_token"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]


class PhoneNumber(Base):
    __tablename__ = "phone_number"

    phone_number_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]


class BlockedUser(Base):
    __tablename__ = "blocked_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    phone_number_id: Mapped[str] = mapped_column(ForeignKey("phone_number.phone_number_id"))
    wa_id: Mapped[str]
    input: Mapped[str]
    blocked_at: Mapped[int]

    __table_args__ = (
        UniqueConstraint("phone_number_id", "wa_id"),
        Index("blocked_user_page", "phone_number_id", "id"),
    )


class User(BaseModel):
    user: str


class BlockUsersRequest(BaseModel):
    messaging_product: Literal["whatsapp"]
    block_users: list[User]


class Operation(BaseModel):
    input: str
    wa_id: str


class AddedUsers(BaseModel):
    added_users: list[Operation]


class RemovedUsers(BaseModel):
    removed_users: list[Operation]


class BlockUsersData(BaseModel):
    block_users: AddedUsers
    messaging_product: str = "whatsapp"


class UnblockUsersData(BaseModel):
    block_users: RemovedUsers
    messaging_product: str = "whatsapp"


class Row(BaseModel):
    messaging_product: str = "whatsapp"
    wa_id: str


class Cursors(BaseModel):
    after: str
    before: str


class Paging(BaseModel):
    cursors: Cursors


class GetBlockedUsersData(BaseModel):
    data: list[Row]
    paging: Paging | None = None


async def session(request: Request) -> AsyncIterator[AsyncSession]:
    make_session: async_sessionmaker[AsyncSession] = request.app.state.make_session
    async with make_session() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


async def account(opened: Session, authorization: Annotated[str, Header()]) -> str:
    scheme, _, token = authorization.partition(" ")
    sha256 = hashlib.sha256(token.encode()).hexdigest()
    account_id = await opened.scalar(select(AccessToken.account_id).where(AccessToken.sha256 == sha256))
    if scheme.lower() != "bearer" or account_id is None:
        raise HTTPException(401, "Invalid OAuth access token - Cannot parse access token")
    return account_id


async def phone_number(
    phone_number_id: str, opened: Session, account_id: Annotated[str, Depends(account)]
) -> PhoneNumber:
    number = await opened.get(PhoneNumber, phone_number_id)
    if number is None or number.account_id != account_id:
        raise HTTPException(400, f"Object with ID '{phone_number_id}' does not exist")
    return number


Number = Annotated[PhoneNumber, Depends(phone_number)]


def create(path: str | None = None) -> FastAPI:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path or os.environ['ORDINARY_DATABASE']}", pool_size=5, max_overflow=0
    )
    event.listen(engine.sync_engine, "connect", _make_durable)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.make_session = async_sessionmaker(engine, expire_on_commit=False)
        await _prepare(engine)
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)
    address = "/{version}/{phone_number_id}/block_users"
    app.post(address)(block)
    app.delete(address)(unblock)
    app.get(address, response_model_exclude_none=True)(listed)
    return app


async def block(body: BlockUsersRequest, number: Number, opened: Session) -> BlockUsersData:
    operations = [_operation(user) for user in body.block_users]
    now = time.time_ns() // 1_000
    rows = [
        {"phone_number_id": number.phone_number_id, "blocked_at": now, **operation.model_dump()}
        for operation in operations
    ]
    if rows:
        await opened.execute(insert(BlockedUser).values(rows).on_conflict_do_nothing())
        await opened.commit()
    return BlockUsersData(block_users=AddedUsers(added_users=operations))


async def unblock(body: BlockUsersRequest, number: Number, opened: Session) -> UnblockUsersData:
    operations = [_operation(user) for user in body.block_users]
    await opened.execute(
        delete(BlockedUser).where(
            BlockedUser.phone_number_id == number.phone_number_id,
            BlockedUser.wa_id.in_([operation.wa_id for operation in operations]),
        )
    )
    await opened.commit()
    return UnblockUsersData(block_users=RemovedUsers(removed_users=operations))


async def listed(
    number: Number, opened: Session, limit: Annotated[int, Query(ge=1, le=1_000)] = 25, after: int | None = None
) -> GetBlockedUsersData:
    query = select(BlockedUser.id, BlockedUser.wa_id).where(BlockedUser.phone_number_id == number.phone_number_id)
    if after is not None:
        query = query.where(BlockedUser.id < after)
    rows = (await opened.execute(query.order_by(BlockedUser.id.desc()).limit(limit))).all()
    if not rows:
        return GetBlockedUsersData(data=[])
    cursors = Cursors(after=str(rows[-1].id), before=str(rows[0].id))
    return GetBlockedUsersData(data=[Row(wa_id=row.wa_id) for row in rows], paging=Paging(cursors=cursors))


def _operation(user: User) -> Operation:
    wa_id = user.user.translate(_PUNCTUATION)
    if not _WA_ID.fullmatch(wa_id):
        raise HTTPException(400, f"{user.user} is not a phone number")
    return Operation(input=user.user, wa_id=wa_id)


def _make_durable(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def _prepare(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        known = {"sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "account_id": "acme"}
        await connection.execute(insert(AccessToken).values(known).on_conflict_do_nothing())
        number = {"phone_number_id": PHONE_NUMBER_ID, "account_id": "acme"}
        await connection.execute(insert(PhoneNumber).values(number).on_conflict_do_nothing())


def main(port: int, path: str) -> None:
    """Serve on the loopback address until stopped. Print the address. Port 0 chooses a free port."""
    config = uvicorn.Config(create(path), loop="uvloop", http="httptools", access_log=False, log_level="warning")
    with socket.create_server(("127.0.0.1", port), backlog=config.backlog) as bound:
        print(f"http://127.0.0.1:{bound.getsockname()[1]}", flush=True)
        uvicorn.Server(config).run([bound])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
