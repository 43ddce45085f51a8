-- Content that anybody has, to be found by what it holds. ../README.md explains it.
-- MySQL has no IF NOT EXISTS for an index.

SET @statement = IF(
    (SELECT COUNT(*) FROM information_schema.STATISTICS
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'known_chunks'
       AND INDEX_NAME = 'known_chunks_content') = 0,
    'CREATE INDEX known_chunks_content ON known_chunks (fingerprint)',
    'DO 0');
PREPARE make_index FROM @statement;
EXECUTE make_index;
DEALLOCATE PREPARE make_index;
