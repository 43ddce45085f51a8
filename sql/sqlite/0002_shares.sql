-- Sharing. ../README.md explains the tables; docs/formats.md has their columns.

-- Nodes that are shared, each row with one user or group.
CREATE TABLE shares (
    share BLOB NOT NULL,
    node BLOB NOT NULL,
    owner BLOB NOT NULL,
    recipient BLOB NOT NULL,
    recipient_kind INTEGER NOT NULL,
    via BLOB NOT NULL,
    mode INTEGER NOT NULL,
    key_epoch INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_millis INTEGER NOT NULL,
    expires_millis INTEGER,
    grant_ct BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX shares_share ON shares (share);
CREATE UNIQUE INDEX shares_place ON shares (node, recipient, via);
CREATE INDEX shares_recipient ON shares (recipient, share);
CREATE INDEX shares_between ON shares (recipient, owner, share);
CREATE INDEX shares_owner ON shares (owner, via, share);
CREATE INDEX shares_via ON shares (via, recipient, share);
CREATE INDEX shares_expiry ON shares (expires_millis, share) WHERE expires_millis IS NOT NULL;

-- Groups of recipients.
CREATE TABLE user_groups (
    group_id BLOB NOT NULL,
    owner BLOB NOT NULL,
    revision INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    created_millis INTEGER NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX user_groups_group ON user_groups (group_id);
CREATE INDEX user_groups_owner ON user_groups (owner, group_id);

-- People whose keys a user has pinned.
CREATE TABLE contacts (
    owner BLOB NOT NULL,
    tag BLOB NOT NULL,
    sealed BLOB NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (owner, tag)
) STRICT, WITHOUT ROWID;

-- Who did what; the ids are in the order of time.
CREATE TABLE activity (
    activity BLOB NOT NULL,
    owner BLOB NOT NULL,
    node BLOB NOT NULL,
    sealed BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX activity_activity ON activity (activity);
CREATE INDEX activity_owner ON activity (owner, activity);
CREATE INDEX activity_node ON activity (node);
