"""A place for the child who passes to a centre; each hand-over has an acta of its own; oficios for adult carers."""

import sqlalchemy as sa
from alembic import op

from shared.db import JsonColumn, UTCDateTime

revision = "referral_0017"
down_revision = "referral_0016"


def upgrade() -> None:
    """Older code goes on working: it holds the case's lock while it looks whether there is an acta, and reads one."""
    for name in ("sex", "age_band"):
        op.add_column("transfer", sa.Column(name, sa.String(64)))
    _let_a_case_have_several_actas()
    op.create_table(
        "handover_encounter",
        sa.Column("encounter_id", sa.String(), primary_key=True),
        sa.Column("referral_id", sa.String(), primary_key=True, index=True),
    )
    op.create_table(
        "oficio",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False, index=True),
        sa.Column("encounter_id", sa.String(), nullable=False, unique=True),
        sa.Column("content", JsonColumn, nullable=False),
        sa.Column("adult", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("issued_by", sa.String(), nullable=False),
        sa.Column("issued_at", UTCDateTime(), nullable=False),
    )


def _let_a_case_have_several_actas() -> None:
    if op.get_bind().dialect.name == "sqlite":  # where a constraint without a name goes with its table alone
        with op.batch_alter_table("acta", recreate="always", copy_from=_acta()):
            pass
        op.create_index("ix_acta_dif", "acta", ["dif"])
    else:
        (former,) = sa.inspect(op.get_bind()).get_unique_constraints("acta")
        op.drop_constraint(str(former["name"]), "acta", type_="unique")
    op.create_index("ix_acta_case_id", "acta", ["case_id"])
    for name in ("handover_id", "follows"):
        op.add_column("acta", sa.Column(name, sa.String()))
    op.create_index("uq_acta_handover_id", "acta", ["handover_id"], unique=True)


def _acta() -> sa.Table:
    """Return the table as it was, without the constraint."""
    return sa.Table(
        "acta",
        sa.MetaData(),
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("case_id", sa.String(), sa.ForeignKey("route_case.id"), nullable=False),
        sa.Column("content", JsonColumn, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("dif", sa.String(), nullable=False),
        sa.Column("issued_by", sa.String(), nullable=False),
        sa.Column("issued_at", UTCDateTime(), nullable=False),
    )
