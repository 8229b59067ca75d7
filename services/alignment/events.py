"""Everything that the catalogue sends to alignment is told to whoever asked for it."""

from contracts.catalog import consumed_by
from libs.messaging.handlers import Handlers, on
from services.alignment.use_cases.tell_subscribers import tell_subscribers

HANDLERS = Handlers(*(on(entry.event, tell_subscribers, together=True) for entry in consumed_by("alignment")))
