-- Uploads. ../README.md explains the tables; docs/formats.md has their columns.

-- Which chunks a user's files and uploads refer to, to be found by what they hold.
CREATE TABLE IF NOT EXISTS known_chunks (
    owner BINARY(16) NOT NULL,
    blob_id BINARY(32) NOT NULL,
    fingerprint BINARY(32) NOT NULL,
    refs BIGINT NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (owner, blob_id),
    KEY known_chunks_fingerprint (owner, fingerprint)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;

-- Uploads that are not finished.
CREATE TABLE IF NOT EXISTS uploads (
    owner BINARY(16) NOT NULL,
    upload BINARY(16) NOT NULL,
    note_ct VARBINARY(8192) NOT NULL,
    leases BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    created_millis BIGINT NOT NULL,
    touched_millis BIGINT NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (owner, upload),
    KEY uploads_touched (touched_millis)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;
