-- The tables of Coffer. ../README.md explains them; docs/formats.md has their columns.
-- `row_id` only keeps InnoDB from ordering big rows by a random key.

-- Which migrations were applied.
CREATE TABLE IF NOT EXISTS schema_version (
    number BIGINT NOT NULL,
    applied_millis BIGINT NOT NULL,
    PRIMARY KEY (number)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

-- One row: who this is, and where its history stands.
CREATE TABLE IF NOT EXISTS cluster_state (
    id BIGINT NOT NULL,
    server_id BINARY(32) NOT NULL,
    check_value BINARY(32) NOT NULL,
    role BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    fenced BIGINT NOT NULL,
    chain_hash BINARY(32) NOT NULL,
    pruned_seq BIGINT NOT NULL,
    pruned_hash BINARY(32) NOT NULL,
    created_millis BIGINT NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

-- Accounts.
CREATE TABLE IF NOT EXISTS users (
    user_id BINARY(16) NOT NULL,
    tag BINARY(32) NOT NULL,
    name_ct VARBINARY(4096) NOT NULL,
    contact_ct VARBINARY(4096) NOT NULL,
    auth_password VARBINARY(4096) NOT NULL,
    auth_recovery VARBINARY(4096) NOT NULL,
    root_password VARBINARY(4096) NOT NULL,
    root_recovery VARBINARY(4096) NOT NULL,
    version BIGINT NOT NULL,
    identity_public BINARY(32) NOT NULL,
    identity_ct VARBINARY(4096) NOT NULL,
    home BINARY(16) NOT NULL,
    state BIGINT NOT NULL,
    created_millis BIGINT NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (user_id),
    UNIQUE KEY users_tag (tag)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

-- Invitations to sign up.
CREATE TABLE IF NOT EXISTS invites (
    tag BINARY(32) NOT NULL,
    created_millis BIGINT NOT NULL,
    expires_millis BIGINT NOT NULL,
    uses_left BIGINT NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (tag)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

-- Files and directories.
CREATE TABLE IF NOT EXISTS nodes (
    row_id BIGINT NOT NULL AUTO_INCREMENT,
    node BINARY(16) NOT NULL,
    owner BINARY(16) NOT NULL,
    parent BINARY(16) NOT NULL,
    kind BIGINT NOT NULL,
    key_epoch BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    content_revision BIGINT NOT NULL,
    lookup_tag BINARY(32),
    fold_tag BINARY(32) NOT NULL,
    name_ct VARBINARY(4096) NOT NULL,
    key_ct VARBINARY(4096) NOT NULL,
    meta_ct VARBINARY(4096) NOT NULL,
    trashed_millis BIGINT,
    created_millis BIGINT NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (row_id),
    UNIQUE KEY nodes_node (node),
    UNIQUE KEY nodes_place (parent, lookup_tag),
    KEY nodes_fold (parent, fold_tag),
    KEY nodes_trash (owner, trashed_millis, node)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

-- Versions of the contents of files.
CREATE TABLE IF NOT EXISTS versions (
    row_id BIGINT NOT NULL AUTO_INCREMENT,
    node BINARY(16) NOT NULL,
    revision BIGINT NOT NULL,
    owner BINARY(16) NOT NULL,
    size BIGINT NOT NULL,
    written_millis BIGINT NOT NULL,
    meta_ct VARBINARY(4096) NOT NULL,
    manifest_ct MEDIUMBLOB NOT NULL,
    refs MEDIUMBLOB NOT NULL,
    segments MEDIUMBLOB NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (row_id),
    UNIQUE KEY versions_key (node, revision)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

-- Segments of the manifests of big files.
CREATE TABLE IF NOT EXISTS segments (
    row_id BIGINT NOT NULL AUTO_INCREMENT,
    segment BINARY(16) NOT NULL,
    owner BINARY(16) NOT NULL,
    refs MEDIUMBLOB NOT NULL,
    created_millis BIGINT NOT NULL,
    named BIGINT NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (row_id),
    UNIQUE KEY segments_segment (segment),
    KEY segments_unnamed (named, created_millis)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

-- Sealed chunks: what refers to them, where they are, and the small ones themselves.
CREATE TABLE IF NOT EXISTS chunks (
    row_id BIGINT NOT NULL AUTO_INCREMENT,
    blob_id BINARY(32) NOT NULL,
    generation BIGINT NOT NULL,
    state BIGINT NOT NULL,
    place BIGINT NOT NULL,
    size BIGINT NOT NULL,
    refs BIGINT NOT NULL,
    idle_millis BIGINT,
    digest BINARY(16) NOT NULL,
    data MEDIUMBLOB,
    PRIMARY KEY (row_id),
    UNIQUE KEY chunks_blob (blob_id),
    KEY chunks_idle (idle_millis, blob_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

-- Every commit, in order.
CREATE TABLE IF NOT EXISTS journal (
    seq BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    op_key BINARY(16),
    committed_millis BIGINT NOT NULL,
    body MEDIUMBLOB NOT NULL,
    result MEDIUMBLOB NOT NULL,
    hash BINARY(32) NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (seq),
    UNIQUE KEY journal_op (op_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

-- Settings of the installation.
CREATE TABLE IF NOT EXISTS settings (
    name VARBINARY(64) NOT NULL,
    value MEDIUMBLOB NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (name)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

-- What each user's rows add up to.
CREATE TABLE IF NOT EXISTS totals (
    owner BINARY(16) NOT NULL,
    nodes BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (owner)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;
