-- The tables of Coffer. ../README.md explains them; docs/formats.md has their columns.

-- Which migrations were applied.
CREATE TABLE schema_version (
    number INTEGER NOT NULL,
    applied_millis INTEGER NOT NULL,
    PRIMARY KEY (number)
) STRICT;

-- One row: who this is, and where its history stands.
CREATE TABLE cluster_state (
    id INTEGER NOT NULL,
    server_id BLOB NOT NULL,
    check_value BLOB NOT NULL,
    role INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    fenced INTEGER NOT NULL,
    chain_hash BLOB NOT NULL,
    pruned_seq INTEGER NOT NULL,
    pruned_hash BLOB NOT NULL,
    created_millis INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (id)
) STRICT;

-- Accounts.
CREATE TABLE users (
    user_id BLOB NOT NULL,
    tag BLOB NOT NULL,
    name_ct BLOB NOT NULL,
    contact_ct BLOB NOT NULL,
    auth_password BLOB NOT NULL,
    auth_recovery BLOB NOT NULL,
    root_password BLOB NOT NULL,
    root_recovery BLOB NOT NULL,
    version INTEGER NOT NULL,
    identity_public BLOB NOT NULL,
    identity_ct BLOB NOT NULL,
    home BLOB NOT NULL,
    state INTEGER NOT NULL,
    created_millis INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (user_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX users_tag ON users (tag);

-- Invitations to sign up.
CREATE TABLE invites (
    tag BLOB NOT NULL,
    created_millis INTEGER NOT NULL,
    expires_millis INTEGER NOT NULL,
    uses_left INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (tag)
) STRICT, WITHOUT ROWID;

-- Files and directories.
CREATE TABLE nodes (
    node BLOB NOT NULL,
    owner BLOB NOT NULL,
    parent BLOB NOT NULL,
    kind INTEGER NOT NULL,
    key_epoch INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    content_revision INTEGER NOT NULL,
    lookup_tag BLOB,
    fold_tag BLOB NOT NULL,
    name_ct BLOB NOT NULL,
    key_ct BLOB NOT NULL,
    meta_ct BLOB NOT NULL,
    trashed_millis INTEGER,
    created_millis INTEGER NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX nodes_node ON nodes (node);
CREATE UNIQUE INDEX nodes_place ON nodes (parent, lookup_tag);
CREATE INDEX nodes_fold ON nodes (parent, fold_tag);
CREATE INDEX nodes_trash ON nodes (owner, trashed_millis, node) WHERE trashed_millis IS NOT NULL;

-- Versions of the contents of files.
CREATE TABLE versions (
    node BLOB NOT NULL,
    revision INTEGER NOT NULL,
    owner BLOB NOT NULL,
    size INTEGER NOT NULL,
    written_millis INTEGER NOT NULL,
    meta_ct BLOB NOT NULL,
    manifest_ct BLOB NOT NULL,
    refs BLOB NOT NULL,
    segments BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX versions_key ON versions (node, revision);

-- Segments of the manifests of big files.
CREATE TABLE segments (
    segment BLOB NOT NULL,
    owner BLOB NOT NULL,
    refs BLOB NOT NULL,
    created_millis INTEGER NOT NULL,
    named INTEGER NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX segments_segment ON segments (segment);
CREATE INDEX segments_unnamed ON segments (named, created_millis) WHERE named = 0;

-- Sealed chunks: what refers to them, where they are, and the small ones themselves.
CREATE TABLE chunks (
    blob_id BLOB NOT NULL,
    generation INTEGER NOT NULL,
    state INTEGER NOT NULL,
    place INTEGER NOT NULL,
    size INTEGER NOT NULL,
    refs INTEGER NOT NULL,
    idle_millis INTEGER,
    digest BLOB NOT NULL,
    data BLOB
) STRICT;
CREATE UNIQUE INDEX chunks_blob ON chunks (blob_id);
CREATE INDEX chunks_idle ON chunks (idle_millis, blob_id) WHERE idle_millis IS NOT NULL;

-- Every commit, in order.
CREATE TABLE journal (
    seq INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    op_key BLOB,
    committed_millis INTEGER NOT NULL,
    body BLOB NOT NULL,
    result BLOB NOT NULL,
    hash BLOB NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (seq)
) STRICT;
CREATE UNIQUE INDEX journal_op ON journal (op_key) WHERE op_key IS NOT NULL;

-- Settings of the installation.
CREATE TABLE settings (
    name BLOB NOT NULL,
    value BLOB NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;

-- What each user's rows add up to.
CREATE TABLE totals (
    owner BLOB NOT NULL,
    nodes INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (owner)
) STRICT, WITHOUT ROWID;
