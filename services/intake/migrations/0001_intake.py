"""The vault of words, with messaging's tables."""

from libs.messaging.schema import REVISION_1
from libs.runtime.migrate import run_script

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE feedback (
    id                uuid PRIMARY KEY,
    workspace         text NOT NULL,
    source            text NOT NULL,
    external_id       text,
    text              text NOT NULL,
    customer_id       text,
    contact           text,
    item              jsonb NOT NULL,
    occurred_at       timestamptz NOT NULL,
    received_at       timestamptz NOT NULL,
    quarantine_reason text,
    released_at       timestamptz
);
-- Hashed, because an index entry holds 2,704 bytes, and two names of 500 characters may be longer.
CREATE UNIQUE INDEX feedback_natural_key ON feedback (workspace, source, md5(external_id))
    WHERE external_id IS NOT NULL;
CREATE INDEX feedback_customer ON feedback (workspace, customer_id) WHERE customer_id IS NOT NULL;
"""


def upgrade() -> None:
    run_script(REVISION_1)
    run_script(TABLES)
