"""Problems, their evidence, what persons corrected, and the briefs; with messaging's tables."""

from libs.messaging.schema import REVISION_1
from libs.runtime.migrate import run_script

revision = "0001"
down_revision = None

TABLES = """
-- `merged_with` is the problem that a merged one went into, `merged_into` where its evidence is now, merges followed.
CREATE TABLE problem (
    workspace      text NOT NULL,
    problem_id     uuid NOT NULL,
    status         text NOT NULL DEFAULT 'open',
    merged_into    uuid,
    merged_with    uuid,
    merged_at      timestamptz,
    statement      text NOT NULL,
    stated_by      uuid,
    stated_at      integer NOT NULL DEFAULT 1,
    reports        integer NOT NULL DEFAULT 0,
    customers      integer NOT NULL DEFAULT 0,
    reach          double precision NOT NULL DEFAULT 0,
    warmth         double precision NOT NULL DEFAULT 0,
    worth          double precision NOT NULL DEFAULT 0,
    displeasure    double precision NOT NULL DEFAULT 0,
    rated          integer NOT NULL DEFAULT 0,
    revenue        jsonb NOT NULL DEFAULT '{}',
    objectives     double precision NOT NULL DEFAULT 0,
    wording        double precision NOT NULL DEFAULT 0,
    half_life      double precision NOT NULL DEFAULT 28,
    revenue_weight double precision NOT NULL DEFAULT 1,
    rank           double precision NOT NULL DEFAULT 0,
    told_customer  double precision,
    told_business  double precision,
    first_seen     timestamptz NOT NULL,
    last_seen      timestamptz NOT NULL,
    opened_at      timestamptz NOT NULL,
    look_due_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace, problem_id)
);
CREATE INDEX problem_ranked ON problem (workspace, rank DESC, problem_id DESC) WHERE status IN ('open', 'decided');
CREATE INDEX problem_recent ON problem (workspace, last_seen DESC, problem_id DESC) WHERE status IN ('open', 'decided');
CREATE INDEX problem_due ON problem (workspace, look_due_at) WHERE status = 'open';

-- `position` is the order of arrival in the workspace. What is `in_window` is in the engine's memory, which is rebuilt
-- from `vector` (float16), `language`, `problem_id`, `pinned` (a person placed it) and `arrived_in` (the problem that
-- it was placed in at first). `terms` are for searching.
CREATE TABLE evidence (
    workspace   text NOT NULL,
    feedback_id uuid NOT NULL,
    position    bigint,
    problem_id  uuid,
    arrived_in  uuid,
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
    language    text,
    occurred_at timestamptz,
    score       double precision NOT NULL DEFAULT 0,
    margin      double precision,
    confidence  double precision,
    reason      text NOT NULL,
    algorithm   text NOT NULL,
    assigned_by text NOT NULL,
    assigned_at timestamptz NOT NULL,
    pinned      boolean NOT NULL DEFAULT false,
    nearest     uuid[] NOT NULL DEFAULT '{}',
    vector      bytea,
    embedder    text,
    in_window   boolean NOT NULL DEFAULT false,
    erased_at   timestamptz,
    PRIMARY KEY (workspace, feedback_id)
);
CREATE INDEX evidence_of_problem ON evidence (workspace, problem_id, occurred_at DESC, feedback_id DESC);
CREATE INDEX evidence_window ON evidence (workspace, position) WHERE in_window;
CREATE INDEX evidence_words ON evidence USING gin (terms);
-- A vector looks random, so that compressing it costs time and saves nothing.
ALTER TABLE evidence ALTER COLUMN vector SET STORAGE EXTERNAL;

-- What the engine in any process's memory must agree with. `version` counts the changes, and `changed_in` is the
-- transaction of the last one, so that the memory of a change that was rolled back is known as such. A memory older
-- than `whole_since` is read anew as a whole. Evidence before position `settled_before` was grouped by another embedder
-- or algorithm, and is only regrouped on request. `trust` is what the last look back thinks of the evidence that it
-- saw. `stale`: some of the window has vectors of another embedder.
CREATE TABLE grouping_state (
    workspace      text PRIMARY KEY,
    version        bigint NOT NULL,
    changed_in     bigint NOT NULL,
    whole_since    bigint NOT NULL,
    seen           bigint NOT NULL,
    looked_at      bigint NOT NULL,
    different      double precision NOT NULL,
    taken          bytea NOT NULL,
    trust          bytea NOT NULL DEFAULT '',
    languages      text[] NOT NULL,
    embedder       text NOT NULL,
    algorithm      text NOT NULL,
    settled_before bigint NOT NULL DEFAULT 0,
    stale          boolean NOT NULL DEFAULT false
);
-- By version, which evidence of the window changed its place, was pinned or left, beside what arrived.
CREATE TABLE grouping_log (
    workspace    text NOT NULL,
    version      bigint NOT NULL,
    feedback_ids uuid[] NOT NULL,
    PRIMARY KEY (workspace, version)
);
-- When to look back at all of a workspace's evidence.
CREATE TABLE grouping_due (
    workspace    text PRIMARY KEY,
    due_at       timestamptz NOT NULL,
    requested_by text
);
-- Every look back that changed something, so that it can be seen and undone.
CREATE TABLE regrouping (
    workspace     text NOT NULL,
    regrouping_id uuid NOT NULL,
    at            timestamptz NOT NULL,
    made_by       text NOT NULL,
    algorithm     text NOT NULL,
    items         integer NOT NULL,
    undone_by     text,
    undone_at     timestamptz,
    PRIMARY KEY (workspace, regrouping_id)
);
CREATE TABLE regrouped_evidence (
    workspace     text NOT NULL,
    regrouping_id uuid NOT NULL,
    feedback_id   uuid NOT NULL,
    before        uuid,
    after         uuid,
    PRIMARY KEY (workspace, regrouping_id, feedback_id)
);
CREATE TABLE regrouped_problem (
    workspace     text NOT NULL,
    regrouping_id uuid NOT NULL,
    kind          text NOT NULL,
    problem_id    uuid NOT NULL,
    other         uuid,
    PRIMARY KEY (workspace, regrouping_id, problem_id)
);
-- The evidence that a problem had when it was merged or dismissed: what comes back when that is taken back.
CREATE TABLE former_evidence (
    workspace   text NOT NULL,
    problem_id  uuid NOT NULL,
    feedback_id uuid NOT NULL,
    PRIMARY KEY (workspace, problem_id, feedback_id)
);
CREATE INDEX former_evidence_of ON former_evidence (workspace, feedback_id);

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

-- A problem as a person reads it, drawn from a sample of its evidence. `due_at` is when to draw it anew (null: nothing
-- changed), `generation` grows when words were taken out, so that a portrait in the making is not kept with them.
CREATE TABLE portrait (
    workspace  text NOT NULL,
    problem_id uuid NOT NULL,
    due_at     timestamptz,
    generation integer NOT NULL DEFAULT 0,
    drawn_at   timestamptz,
    reports    integer NOT NULL DEFAULT 0,
    terms      jsonb NOT NULL DEFAULT '[]',
    quotes     uuid[] NOT NULL DEFAULT '{}',
    request    jsonb,
    wording    double precision NOT NULL DEFAULT 0,
    voices     integer NOT NULL DEFAULT 0,
    signs      jsonb NOT NULL DEFAULT '{}',
    languages  jsonb NOT NULL DEFAULT '{}',
    centroid   bytea,
    embedder   text,
    PRIMARY KEY (workspace, problem_id)
);
CREATE INDEX portrait_due ON portrait (due_at) WHERE due_at IS NOT NULL;

-- Whether a problem is reported more than its own past explains, looked at once a day while it is reported.
CREATE TABLE trend (
    workspace     text NOT NULL,
    problem_id    uuid NOT NULL,
    due_at        timestamptz,
    surging_since timestamptz,
    voices        integer NOT NULL DEFAULT 0,
    expected      double precision,
    probability   double precision,
    looked_at     timestamptz,
    PRIMARY KEY (workspace, problem_id)
);
CREATE INDEX trend_due ON trend (due_at) WHERE due_at IS NOT NULL;

-- Names by a model of somebody's own, when one is configured. `quotes` are those that the name was made from.
CREATE TABLE naming (
    workspace  text NOT NULL,
    problem_id uuid NOT NULL,
    due_at     timestamptz,
    attempts   integer NOT NULL DEFAULT 0,
    quotes     uuid[] NOT NULL DEFAULT '{}',
    name       text,
    named_by   text,
    named_at   timestamptz,
    error      text,
    PRIMARY KEY (workspace, problem_id)
);
CREATE INDEX naming_due ON naming (due_at) WHERE due_at IS NOT NULL;

-- What a workspace finds important. `recount_after` is how far new weights have reached (null: everywhere).
CREATE TABLE preference (
    workspace     text PRIMARY KEY,
    segments      jsonb NOT NULL,
    half_life     double precision NOT NULL,
    objectives    double precision NOT NULL,
    revenue       double precision NOT NULL,
    changed_by    text NOT NULL,
    changed_at    timestamptz NOT NULL,
    recount_after uuid
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
