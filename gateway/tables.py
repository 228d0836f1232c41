"""The gateway's own tables: what its migrations answer for."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from gateway.clients.models import Client
from gateway.tokens.models import UsedAssertion

TABLES = MetaData(naming_convention=SQLModel.metadata.naming_convention)
for _model in (Client, UsedAssertion):
    SQLModel.metadata.tables[str(_model.__tablename__)].to_metadata(TABLES)
