"""Problems, their evidence, what persons corrected, and the briefs; with messaging's tables."""

from libs.messaging.schema import REVISION_1
from libs.runtime.migrate import run_script

revision = "0001"
down_revision = None

TABLES = """
-- A problem's `terms` and `uses` are its profile: what it is recognised by. A merged problem keeps its own, so that
-- what is like it goes to the survivor, and evidence keeps `profile_id`, so that nothing about a merge is lost.
CREATE TABLE problem (
    workspace      text NOT NULL,
    problem_id     uuid NOT NULL,
    status         text NOT NULL DEFAULT 'open',
    merged_into    uuid,
    statement      text NOT NULL,
    stated_by      uuid,
    stated_at      integer NOT NULL DEFAULT 1,
    terms          text[] NOT NULL DEFAULT '{}',
    uses           integer[] NOT NULL DEFAULT '{}',
    reports        integer NOT NULL DEFAULT 0,
    customers      integer NOT NULL DEFAULT 0,
    reach          double precision NOT NULL DEFAULT 0,
    warmth         double precision NOT NULL DEFAULT 0,
    severity       double precision NOT NULL DEFAULT 1.5,
    revenue        jsonb NOT NULL DEFAULT '{}',
    objectives     double precision NOT NULL DEFAULT 0,
    rank           double precision NOT NULL DEFAULT 0,
    told_customer  double precision,
    told_business  double precision,
    first_seen     timestamptz NOT NULL,
    last_seen      timestamptz NOT NULL,
    opened_at      timestamptz NOT NULL,
    look_due_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace, problem_id)
);
CREATE INDEX problem_ranked ON problem (workspace, rank DESC, problem_id DESC) WHERE status <> 'merged';
CREATE INDEX problem_recent ON problem (workspace, last_seen DESC, problem_id DESC) WHERE status <> 'merged';
CREATE INDEX problem_due ON problem (workspace, look_due_at) WHERE status = 'open';

CREATE TABLE evidence (
    workspace   text NOT NULL,
    feedback_id uuid NOT NULL,
    problem_id  uuid,
    profile_id  uuid,
    text        text NOT NULL,
    terms       text[] NOT NULL,
    voice       text,
    source      text,
    customer_id text,
    segment     text,
    plan        text,
    revenue     bigint,
    currency    text,
    rating      double precision,
    occurred_at timestamptz,
    score       double precision NOT NULL DEFAULT 0,
    reason      text NOT NULL,
    algorithm   text NOT NULL,
    assigned_by text NOT NULL,
    assigned_at timestamptz NOT NULL,
    pinned      boolean NOT NULL DEFAULT false,
    nearest     uuid[] NOT NULL DEFAULT '{}',
    erased_at   timestamptz,
    PRIMARY KEY (workspace, feedback_id)
);
CREATE INDEX evidence_of_problem ON evidence (workspace, problem_id, occurred_at DESC, feedback_id DESC);
CREATE INDEX evidence_of_profile ON evidence (workspace, profile_id);
CREATE INDEX evidence_pinned ON evidence (workspace, assigned_at DESC) WHERE pinned;

-- One row per distinct customer of a problem, and one per source for all who did not say who they are.
CREATE TABLE voice (
    workspace   text NOT NULL,
    problem_id  uuid NOT NULL,
    voice       text NOT NULL,
    named       boolean NOT NULL,
    reports     integer NOT NULL,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    rating_sum  double precision NOT NULL,
    ratings     integer NOT NULL,
    revenue     bigint,
    currency    text,
    segment     text,
    plan        text,
    PRIMARY KEY (workspace, problem_id, voice)
);

CREATE TABLE term (
    workspace text NOT NULL,
    term      text NOT NULL,
    reports   integer NOT NULL,
    PRIMARY KEY (workspace, term)
);
CREATE TABLE tally (
    workspace text PRIMARY KEY,
    reports   bigint NOT NULL
);

-- What a person said stays: 'must' (this feedback belongs to this problem; to none when problem_id is null), 'cannot'.
CREATE TABLE link (
    workspace     text NOT NULL,
    feedback_id   uuid NOT NULL,
    problem_id    uuid,
    kind          text NOT NULL,
    correction_id uuid NOT NULL,
    UNIQUE NULLS NOT DISTINCT (workspace, feedback_id, problem_id)
);
CREATE INDEX link_to_problem ON link (workspace, problem_id);
CREATE TABLE correction (
    workspace     text NOT NULL,
    correction_id uuid NOT NULL,
    kind          text NOT NULL,
    from_problem  uuid,
    to_problem    uuid,
    made_by       text NOT NULL,
    made_at       timestamptz NOT NULL,
    PRIMARY KEY (workspace, correction_id)
);

CREATE TABLE answer (
    workspace  text NOT NULL,
    problem_id uuid NOT NULL,
    question   text NOT NULL,
    answer     text NOT NULL,
    assumption boolean NOT NULL,
    evidence   jsonb NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (workspace, problem_id, question)
);
CREATE TABLE suggestion (
    workspace  text NOT NULL,
    problem_id uuid NOT NULL,
    question   text NOT NULL,
    kind       text NOT NULL,
    ref        text NOT NULL,
    text       text NOT NULL,
    made_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace, problem_id, question, ref)
);
CREATE TABLE gap (
    workspace  text NOT NULL,
    problem_id uuid NOT NULL,
    question   text NOT NULL,
    week       text NOT NULL,
    PRIMARY KEY (workspace, problem_id, week, question)
);

CREATE TABLE objective (
    workspace    text NOT NULL,
    objective_id uuid NOT NULL,
    name         text NOT NULL,
    weight       double precision NOT NULL,
    problem_ids  uuid[] NOT NULL,
    sequence     bigint NOT NULL,
    set_at       timestamptz NOT NULL,
    PRIMARY KEY (workspace, objective_id)
);
CREATE TABLE decision (
    workspace   text NOT NULL,
    decision_id uuid NOT NULL,
    problem_id  uuid NOT NULL,
    title       text NOT NULL,
    made_at     timestamptz NOT NULL,
    PRIMARY KEY (workspace, decision_id)
);
CREATE INDEX decision_of_problem ON decision (workspace, problem_id);
"""


def upgrade() -> None:
    run_script(REVISION_1)
    run_script(TABLES)
