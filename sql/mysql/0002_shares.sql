-- Sharing. ../README.md explains the tables; docs/formats.md has their columns.
-- `row_id` only keeps InnoDB from ordering big rows by a random key.

-- Nodes that are shared, each row with one user or group.
CREATE TABLE IF NOT EXISTS shares (
    row_id BIGINT NOT NULL AUTO_INCREMENT,
    share BINARY(16) NOT NULL,
    node BINARY(16) NOT NULL,
    owner BINARY(16) NOT NULL,
    recipient BINARY(16) NOT NULL,
    recipient_kind BIGINT NOT NULL,
    via BINARY(16) NOT NULL,
    mode BIGINT NOT NULL,
    key_epoch BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created_millis BIGINT NOT NULL,
    expires_millis BIGINT,
    grant_ct VARBINARY(4096) NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (row_id),
    UNIQUE KEY shares_share (share),
    UNIQUE KEY shares_place (node, recipient, via),
    KEY shares_recipient (recipient, share),
    KEY shares_between (recipient, owner, share),
    KEY shares_owner (owner, via, share),
    KEY shares_via (via, recipient, share),
    KEY shares_expiry (expires_millis, share)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

-- Groups of recipients.
CREATE TABLE IF NOT EXISTS user_groups (
    row_id BIGINT NOT NULL AUTO_INCREMENT,
    group_id BINARY(16) NOT NULL,
    owner BINARY(16) NOT NULL,
    revision BIGINT NOT NULL,
    sealed MEDIUMBLOB NOT NULL,
    created_millis BIGINT NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (row_id),
    UNIQUE KEY user_groups_group (group_id),
    KEY user_groups_owner (owner, group_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

-- People whose keys a user has pinned.
CREATE TABLE IF NOT EXISTS contacts (
    owner BINARY(16) NOT NULL,
    tag BINARY(32) NOT NULL,
    sealed VARBINARY(4096) NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (owner, tag)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

-- Who did what; the ids are in the order of time.
CREATE TABLE IF NOT EXISTS activity (
    activity BINARY(16) NOT NULL,
    owner BINARY(16) NOT NULL,
    node BINARY(16) NOT NULL,
    sealed VARBINARY(8192) NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (activity),
    KEY activity_owner (owner, activity),
    KEY activity_node (node)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;
