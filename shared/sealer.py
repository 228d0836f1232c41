"""The one sealer of a service: numbers committed audit rows, chains them, signs checkpoints."""

from datetime import timedelta

from sqlalchemy import func
from sqlmodel import col, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import audit, clock
from shared.audit import AuditCheckpoint, AuditEntry
from shared.db import Database
from shared.jwt import Signer

CHECKPOINT_TYPE = "audit-checkpoint+jwt"
_EVERY = timedelta(minutes=1)
_BATCH = 500
_LOCK = 0x5EA1  # PostgreSQL advisory lock: several workers, one sealer


async def seal(database: Database, signer: Signer) -> int:
    """Chain what has been committed since the last time. Returns how many rows it sealed."""
    async with database.work(write=False) as session:
        if not (await _waiting(session) or await _owes_checkpoint(session)):
            return 0
    async with database.work() as session:
        if not database.is_sqlite:
            got = await session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK})
            if not got:
                return 0
        rows = (
            await session.exec(select(AuditEntry).where(audit.UNSEALED).order_by(col(AuditEntry.id)).limit(_BATCH))
        ).all()
        seq, digest = await _head(session)
        for row in rows:
            seq += 1
            digest = row.digest = audit.link(digest, row, seq)
            row.seq = seq
        await session.flush()
        if await _owes_checkpoint(session):
            session.add(_checkpoint(signer, seq, digest))
        return len(rows)


async def _waiting(session: AsyncSession) -> bool:
    return (await session.exec(select(AuditEntry.id).where(audit.UNSEALED).limit(1))).first() is not None


async def _head(session: AsyncSession) -> tuple[int, str]:
    statement = select(AuditEntry.seq, AuditEntry.digest).where(
        col(AuditEntry.seq) == select(func.max(AuditEntry.seq)).scalar_subquery()
    )
    head = (await session.exec(statement)).first()
    return (head[0] or 0, head[1] or audit.GENESIS) if head else (0, audit.GENESIS)


async def _owes_checkpoint(session: AsyncSession) -> bool:
    """Whether rows were sealed after the last checkpoint, and that is a minute old: also when nothing new comes."""
    latest = (await session.exec(select(AuditCheckpoint).order_by(col(AuditCheckpoint.seq).desc()).limit(1))).first()
    if latest is not None and clock.now() - latest.at < _EVERY:
        return False
    newest = (await session.exec(select(func.max(AuditEntry.seq)))).one()
    return newest is not None and (latest is None or newest > latest.seq)


def _checkpoint(signer: Signer, seq: int, digest: str) -> AuditCheckpoint:
    statement = signer.sign(
        {"aud": "auditors", "seq": seq, "digest": digest}, typ=CHECKPOINT_TYPE, life=timedelta(days=36525)
    )
    return AuditCheckpoint(seq=seq, digest=digest, at=clock.now(), statement=statement)
