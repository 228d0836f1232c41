"""The gateway's own tables: what its migrations answer for."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from gateway.clients.models import Change, Client, Suspension
from gateway.keys.models import SigningKey
from gateway.tokens.models import RevokedToken, UsedAssertion
from shared.audit import AuditCheckpoint, AuditEntry
from shared.idempotency import IdempotencyRecord

_KERNEL = (AuditEntry, AuditCheckpoint, IdempotencyRecord)
TABLES = MetaData(naming_convention=SQLModel.metadata.naming_convention)
for _model in (Client, Suspension, Change, UsedAssertion, RevokedToken, SigningKey, *_KERNEL):
    SQLModel.metadata.tables[str(_model.__tablename__)].to_metadata(TABLES)
