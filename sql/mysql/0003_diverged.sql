-- Writes of a machine that was the primary. ../README.md explains the tables; docs/formats.md
-- has their columns.

-- What the primary of an earlier epoch had acknowledged and no other machine had, change by
-- change, until its owner has it back or has seen it.
CREATE TABLE IF NOT EXISTS diverged (
    row_id BIGINT NOT NULL AUTO_INCREMENT,
    owner BINARY(16) NOT NULL,
    place BINARY(32) NOT NULL,
    state BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    object BINARY(16) NOT NULL,
    became BINARY(16),
    written_millis BIGINT NOT NULL,
    change_image LONGBLOB NOT NULL,
    refs MEDIUMBLOB NOT NULL,
    digest BINARY(16) NOT NULL,
    PRIMARY KEY (row_id),
    UNIQUE KEY diverged_place (owner, place),
    KEY diverged_state (owner, state, place),
    KEY diverged_object (owner, object, place)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4;
