"""Alembic runs this. The gateway's history is of its own tables alone."""

from alembic import context

from gateway.tables import TABLES
from shared.migrate import run

run(context, TABLES)
