-- Writes of a machine that was the primary. ../README.md explains the tables; docs/formats.md
-- has their columns.

-- What the primary of an earlier epoch had acknowledged and no other machine had, change by
-- change, until its owner has it back or has seen it.
CREATE TABLE diverged (
    owner BLOB NOT NULL,
    place BLOB NOT NULL,
    state INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    object BLOB NOT NULL,
    became BLOB,
    written_millis INTEGER NOT NULL,
    change_image BLOB NOT NULL,
    refs BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX diverged_place ON diverged (owner, place);
CREATE INDEX diverged_state ON diverged (owner, state, place);
CREATE INDEX diverged_object ON diverged (owner, object, place);
