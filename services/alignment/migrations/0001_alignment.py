"""Messaging's tables."""

from libs.messaging.schema import REVISION_1
from libs.runtime.migrate import run_script

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_script(REVISION_1)
