"""Alembic's entry: the tables of this service and of the kernel it uses."""

from alembic import context
from sqlmodel import SQLModel

import services.referral.main  # noqa: F401  (its imports register every table)
from shared.migrate import run

run(context, SQLModel.metadata)
