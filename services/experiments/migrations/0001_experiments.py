"""Problems as far as they are known here, options, assumptions, experiments and what was observed; messaging's tables.

`exposure`, `outcome` and `finding` hold the truth, per unit: whatever order facts come in, they end as the same rows.
`block` and `readout.tally` are derived from them and may be computed again at any time. `unsettled` says which blocks
have new facts; rows are only added by those who add facts and only removed together with a block that has seen them.
"""

from libs.messaging.schema import REVISION_1
from libs.runtime.migrate import run_script

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE problem (
    workspace   text NOT NULL,
    id          uuid NOT NULL,
    merged_into uuid,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX problem_merged ON problem (workspace, merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE option (
    id          uuid PRIMARY KEY,
    workspace   text NOT NULL,
    problem_id  uuid NOT NULL,
    kind        text NOT NULL,
    title       text NOT NULL,
    description text NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE INDEX option_problem ON option (workspace, problem_id, id);

CREATE TABLE assumption (
    id         uuid PRIMARY KEY,
    workspace  text NOT NULL,
    problem_id uuid NOT NULL,
    option_id  uuid NOT NULL REFERENCES option,
    risk       text NOT NULL,
    statement  text NOT NULL,
    importance integer NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX assumption_option ON assumption (workspace, option_id, id);
CREATE INDEX assumption_problem ON assumption (workspace, problem_id);

CREATE TABLE evidence (
    id            uuid PRIMARY KEY,
    workspace     text NOT NULL,
    assumption_id uuid NOT NULL REFERENCES assumption,
    says          text NOT NULL,
    note          text NOT NULL,
    source        text,
    stated_by     text NOT NULL,
    stated_at     timestamptz NOT NULL
);
CREATE INDEX evidence_assumption ON evidence (workspace, assumption_id, id);

CREATE TABLE experiment (
    id             uuid PRIMARY KEY,
    workspace      text NOT NULL,
    key            text NOT NULL,
    version        integer NOT NULL,
    previous_id    uuid REFERENCES experiment,
    revised_because text,
    problem_id     uuid NOT NULL,
    assumption_id  uuid REFERENCES assumption,
    risk           text,
    status         text NOT NULL,
    kind           text NOT NULL,
    plan           jsonb NOT NULL,
    planned_units  bigint NOT NULL,
    units_per_day  double precision,
    planned_days   double precision,
    arms           text[] NOT NULL,
    metrics        text[] NOT NULL,
    outcome_window interval NOT NULL,
    look_back      interval NOT NULL,
    created_at     timestamptz NOT NULL,
    counts_from    timestamptz,
    started_at     timestamptz,
    stopped_at     timestamptz,
    concluded_at   timestamptz,
    conclusion     jsonb,
    UNIQUE (workspace, key, version)
);
CREATE INDEX experiment_listed ON experiment (workspace, id);
CREATE INDEX experiment_problem ON experiment (workspace, problem_id);
CREATE INDEX experiment_assumption ON experiment (workspace, assumption_id);
CREATE INDEX experiment_open ON experiment (workspace) WHERE status <> 'concluded';

CREATE TABLE finding (
    id            uuid PRIMARY KEY,
    experiment_id uuid NOT NULL REFERENCES experiment,
    asked         integer NOT NULL,
    agreed        integer NOT NULL,
    note          text NOT NULL,
    entered_by    text NOT NULL,
    entered_at    timestamptz NOT NULL,
    withdrawn_by  text,
    withdrawn_at  timestamptz
);
CREATE INDEX finding_experiment ON finding (experiment_id, id);

CREATE TABLE exposure (
    experiment_id uuid NOT NULL,
    unit          text NOT NULL,
    variant       text NOT NULL,
    exposed_at    timestamptz NOT NULL,
    crossed       boolean NOT NULL,
    hour          integer NOT NULL,
    shard         smallint NOT NULL,
    PRIMARY KEY (experiment_id, unit)
);
CREATE INDEX exposure_block ON exposure (experiment_id, hour, shard);

CREATE TABLE outcome (
    workspace text NOT NULL,
    metric    text NOT NULL,
    unit      text NOT NULL,
    at        timestamptz NOT NULL,
    ref       text NOT NULL,
    value     double precision NOT NULL,
    PRIMARY KEY (workspace, metric, unit, at, ref, value)
);

CREATE TABLE unsettled (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id uuid NOT NULL,
    hour          integer NOT NULL,
    shard         smallint NOT NULL
);
CREATE INDEX unsettled_experiment ON unsettled (experiment_id);

CREATE TABLE block (
    experiment_id uuid NOT NULL,
    hour          integer NOT NULL,
    shard         smallint NOT NULL,
    units         integer[] NOT NULL,
    crossed       integer[] NOT NULL,
    newest        timestamptz[] NOT NULL,
    numbers       double precision[] NOT NULL,
    PRIMARY KEY (experiment_id, hour, shard)
);

CREATE TABLE readout (
    experiment_id  uuid PRIMARY KEY REFERENCES experiment,
    workspace      text NOT NULL,
    due_at         timestamptz NOT NULL,
    looks          bigint NOT NULL DEFAULT 0,
    tally          json,
    told           text[] NOT NULL DEFAULT '{}',
    before         json,
    decision       json,
    untold         boolean NOT NULL DEFAULT false
);
CREATE INDEX readout_due ON readout (due_at);
"""


def upgrade() -> None:
    run_script(REVISION_1)
    run_script(TABLES)
