"""Problems as far as they are known here, options, assumptions, experiments and what was observed; messaging's tables.

`exposure` and `outcome` hold facts, not running sums: whatever order they come in, every readout is a query over the
same rows. `wake` says that an experiment has new facts; rows are only added by the stream's handlers and only removed
together with a readout that has seen those facts.
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

CREATE TABLE experiment (
    id             uuid PRIMARY KEY,
    workspace      text NOT NULL,
    key            text NOT NULL,
    problem_id     uuid NOT NULL,
    assumption_id  uuid REFERENCES assumption,
    status         text NOT NULL,
    plan           jsonb NOT NULL,
    planned_units  bigint NOT NULL,
    arms           text[] NOT NULL,
    metrics        text[] NOT NULL,
    outcome_window interval NOT NULL,
    created_at     timestamptz NOT NULL,
    counts_from    timestamptz,
    started_at     timestamptz,
    stopped_at     timestamptz,
    concluded_at   timestamptz,
    conclusion     jsonb,
    UNIQUE (workspace, key)
);
CREATE INDEX experiment_listed ON experiment (workspace, id);
CREATE INDEX experiment_problem ON experiment (workspace, problem_id);
CREATE INDEX experiment_open ON experiment (workspace) WHERE status IN ('running', 'stopped');

CREATE TABLE exposure (
    experiment_id uuid NOT NULL,
    unit          text NOT NULL,
    variant       text NOT NULL,
    exposed_at    timestamptz NOT NULL,
    crossed       boolean NOT NULL,
    PRIMARY KEY (experiment_id, unit)
);

CREATE TABLE outcome (
    workspace text NOT NULL,
    metric    text NOT NULL,
    unit      text NOT NULL,
    at        timestamptz NOT NULL,
    value     double precision NOT NULL
);
CREATE INDEX outcome_of_unit ON outcome (workspace, metric, unit);

CREATE TABLE readout (
    experiment_id  uuid PRIMARY KEY REFERENCES experiment,
    workspace      text NOT NULL,
    due_at         timestamptz NOT NULL,
    told           text[] NOT NULL DEFAULT '{}',
    recommendation text
);
CREATE INDEX readout_due ON readout (due_at);

CREATE TABLE wake (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id uuid NOT NULL
);
CREATE INDEX wake_experiment ON wake (experiment_id);
"""


def upgrade() -> None:
    run_script(REVISION_1)
    run_script(TABLES)
