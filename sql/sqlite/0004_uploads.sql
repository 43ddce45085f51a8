-- Uploads. ../README.md explains the tables; docs/formats.md has their columns.

-- Which chunks a user's files and uploads refer to, to be found by what they hold.
CREATE TABLE known_chunks (
    owner BLOB NOT NULL,
    blob_id BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    refs INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (owner, blob_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_chunks_fingerprint ON known_chunks (owner, fingerprint);

-- Uploads that are not finished.
CREATE TABLE uploads (
    owner BLOB NOT NULL,
    upload BLOB NOT NULL,
    note_ct BLOB NOT NULL,
    leases INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    created_millis INTEGER NOT NULL,
    touched_millis INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (owner, upload)
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_touched ON uploads (touched_millis);
