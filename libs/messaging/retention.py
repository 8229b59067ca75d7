"""How long things are kept. The outbox outlives the stream, and the inbox outlives both, so that a re-published event
always finds either its row in the stream or its key in the inbox."""

STREAM_DAYS = 30
OUTBOX_DAYS = 32
INBOX_DAYS = 66  # an event may be re-published on its last day in the outbox and stay in the stream for STREAM_DAYS
IDEMPOTENCY_DAYS = 2
