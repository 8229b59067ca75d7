"""Lineage, sessions and sign-in links, with messaging's tables."""

from libs.messaging.schema import REVISION_1
from libs.runtime.migrate import run_script

revision = "0001"
down_revision = None

TABLES = """
-- The newest word on one facet of one node. Of two words the greater (sequence, said_at, event_id) stands.
CREATE TABLE facet (
    workspace text NOT NULL,
    kind      text NOT NULL,
    id        text NOT NULL,
    facet     text NOT NULL,
    sequence  bigint NOT NULL,
    said_at   timestamptz NOT NULL,
    event_id  uuid NOT NULL,
    content   jsonb NOT NULL,
    PRIMARY KEY (workspace, kind, id, facet)
);
CREATE INDEX facet_newest ON facet (workspace, kind, said_at) WHERE kind IN ('experiment', 'decision');

-- The edges that a facet's newest word draws; they go when another word replaces it.
CREATE TABLE edge (
    workspace  text NOT NULL,
    owner_kind text NOT NULL,
    owner_id   text NOT NULL,
    facet      text NOT NULL,
    from_kind  text NOT NULL,
    from_id    text NOT NULL,
    relation   text NOT NULL,
    to_kind    text NOT NULL,
    to_id      text NOT NULL
);
CREATE INDEX edge_owner ON edge (workspace, owner_kind, owner_id, facet);
CREATE INDEX edge_ahead ON edge (workspace, from_kind, from_id, relation);
CREATE INDEX edge_back ON edge (workspace, to_kind, to_id, relation);

-- Who is signed in. The token itself is only in the browser's cookie; key_digest names the access key behind it.
CREATE TABLE session (
    token_hash bytea PRIMARY KEY,
    workspace  text NOT NULL,
    key_digest text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX session_expires_at ON session (expires_at);

CREATE TABLE sign_in_link (
    token_hash bytea PRIMARY KEY,
    workspace  text NOT NULL,
    key_digest text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_link_expires_at ON sign_in_link (expires_at);
"""


def upgrade() -> None:
    run_script(REVISION_1)
    run_script(TABLES)
