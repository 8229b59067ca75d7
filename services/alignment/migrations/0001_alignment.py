"""Objectives, decisions, who is told of them and what was delivered, with messaging's tables."""

from libs.messaging.schema import REVISION_1
from libs.runtime.migrate import run_script

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE objective (
    id          uuid PRIMARY KEY,
    workspace   text NOT NULL,
    name        text NOT NULL,
    weight      double precision NOT NULL,
    description text NOT NULL,
    problem_ids uuid[] NOT NULL,
    set_at      timestamptz NOT NULL,
    UNIQUE (workspace, name)
);

CREATE TABLE decision (
    id                 uuid PRIMARY KEY,
    workspace          text NOT NULL,
    status             text NOT NULL CHECK (status IN ('proposed', 'made', 'reviewed')),
    problem_id         uuid NOT NULL,
    title              text NOT NULL,
    proposal           jsonb NOT NULL,
    proposed_by        text NOT NULL,
    proposed_at        timestamptz NOT NULL,
    made_by            text,
    made_at            timestamptz,
    review_on          date,
    answer_to_concerns text,
    reviewed_by        text,
    reviewed_at        timestamptz,
    outcome            text,
    learned            text
);
CREATE INDEX decision_listed ON decision (workspace, id);

CREATE TABLE position (
    decision_id uuid NOT NULL REFERENCES decision,
    stakeholder text NOT NULL,
    position    text NOT NULL CHECK (position IN ('agree', 'concern', 'object')),
    comment     text NOT NULL,
    taken_at    timestamptz NOT NULL,
    PRIMARY KEY (decision_id, stakeholder)
);

-- What triage said about problems, as far as subscribers and readers of the feed need it.
CREATE TABLE problem (
    workspace   text NOT NULL,
    id          uuid NOT NULL,
    statement   text,
    sequence    integer NOT NULL DEFAULT -1,
    merged_into uuid,
    PRIMARY KEY (workspace, id)
);

CREATE TABLE subscription (
    id                uuid PRIMARY KEY,
    workspace         text NOT NULL,
    name              text NOT NULL,
    channel           text NOT NULL CHECK (channel IN ('webhook', 'feed')),
    url               text,
    filter            jsonb NOT NULL,
    secret            text NOT NULL,
    created_at        timestamptz NOT NULL,
    exhausted_in_row  integer NOT NULL DEFAULT 0,
    disabled_at       timestamptz,
    disabled_reason   text,
    deleted_at        timestamptz
);
CREATE INDEX subscription_listed ON subscription (workspace, id);

-- The last number given out in a workspace's feed. Its row stays locked until the transaction that took numbers ends,
-- so numbers become visible without gaps and in order, which is what lets a reader's cursor neither skip nor repeat.
CREATE TABLE feed_head (
    workspace text PRIMARY KEY,
    last      bigint NOT NULL
);
CREATE TABLE feed (
    workspace   text NOT NULL,
    number      bigint NOT NULL,
    event_id    uuid NOT NULL UNIQUE,
    name        text NOT NULL,
    about       text NOT NULL,
    decision_id uuid,
    problem_ids uuid[] NOT NULL,
    envelope    bytea NOT NULL,
    traceparent text,
    tracestate  text,
    told_at     timestamptz NOT NULL,
    PRIMARY KEY (workspace, number)
);

-- `lease` is set while an attempt is under way; due_at then says when the delivery comes back if nobody settles it.
CREATE TABLE delivery (
    id              uuid PRIMARY KEY,
    workspace       text NOT NULL,
    subscription_id uuid NOT NULL REFERENCES subscription,
    event_id        uuid NOT NULL REFERENCES feed (event_id),
    status          text NOT NULL CHECK (status IN ('waiting', 'delivered', 'exhausted', 'cancelled')),
    attempts        integer NOT NULL DEFAULT 0,
    due_at          timestamptz,
    lease           uuid,
    last_status     integer,
    last_error      text,
    created_at      timestamptz NOT NULL,
    settled_at      timestamptz,
    UNIQUE (subscription_id, event_id)
);
CREATE INDEX delivery_due ON delivery (subscription_id, due_at, id) WHERE status = 'waiting';
CREATE INDEX delivery_listed ON delivery (workspace, id);
"""


def upgrade() -> None:
    run_script(REVISION_1)
    run_script(TABLES)
