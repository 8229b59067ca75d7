"""The tables that every service's own Postgres schema holds for messaging, as one DDL script per revision.

A service's first Alembic migration runs `REVISION_1`. A released revision never changes: a later need is a new script,
run by a new migration of each service.

- `outbox`: every event said, whole, in order of `position`, partitioned by day; `published_at` is null until the relay
  has the stream's acknowledgement. `group_id` marks the events of one use case, `group_size` of them, which appear in
  the stream together.
- `aggregate_sequence`: the last sequence number per aggregate; taking the next one locks the row until commit, which is
  what keeps the order of one aggregate's events from outbox to stream.
- `inbox`: the key of every event handled; its insert commits or rolls back together with the event's effect.
- `inbox_attempt`: events that failed or were redelivered, with the number of tries; written *before* a retry, so that a
  handler that kills the process is counted.
- `dead_letter`: what could not be handled, whole, with the reason; replayable.
- `idempotency`: answers to writes that carried an Idempotency-Key.
"""

REVISION_1 = """
CREATE TABLE outbox (
    position     bigint GENERATED ALWAYS AS IDENTITY,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    event_id     uuid NOT NULL,
    group_id     uuid NOT NULL,
    group_size   integer NOT NULL,
    subject      text NOT NULL,
    envelope     bytea NOT NULL,
    traceparent  text,
    tracestate   text,
    PRIMARY KEY (position, recorded_at)
) PARTITION BY RANGE (recorded_at);
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;
CREATE INDEX outbox_unpublished ON outbox (position) WHERE published_at IS NULL;
CREATE FUNCTION outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('outbox_' || TG_TABLE_SCHEMA, '');
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_notify AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION outbox_notify();

CREATE TABLE aggregate_sequence (
    workspace text NOT NULL,
    aggregate text NOT NULL,
    last      integer NOT NULL,
    PRIMARY KEY (workspace, aggregate)
);

CREATE TABLE inbox (
    event_id   uuid PRIMARY KEY,
    handled_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX inbox_handled_at ON inbox USING brin (handled_at);

CREATE TABLE inbox_attempt (
    event_id   uuid PRIMARY KEY,
    attempts   integer NOT NULL,
    last_error text,
    tried_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE dead_letter (
    id              uuid PRIMARY KEY,
    key             uuid NOT NULL UNIQUE,
    stream          text NOT NULL,
    stream_sequence bigint NOT NULL,
    subject         text NOT NULL,
    workspace       text NOT NULL,
    reason          text NOT NULL,
    error           text NOT NULL,
    body            bytea NOT NULL,
    headers         jsonb NOT NULL,
    attempts        integer NOT NULL,
    opened_at       timestamptz NOT NULL DEFAULT now(),
    replayed_at     timestamptz
);
CREATE INDEX dead_letter_open ON dead_letter (workspace, opened_at) WHERE replayed_at IS NULL;

CREATE TABLE idempotency (
    workspace    text NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    status       integer,
    body         bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace, key)
);
"""
