-- Content that anybody has, to be found by what it holds. ../README.md explains it.

CREATE INDEX known_chunks_content ON known_chunks (fingerprint);
