//! Every bound of the protocol, in one place, with the relations between them
//! checked at compile time.

/// Bytes in the fixed frame header.
pub const FRAME_HEADER_BYTES: usize = 16;

/// Largest bincode body of a frame once a session is signed in.
pub const MAX_BODY_BYTES: usize = 1 << 20;

/// Largest body before sign-in; a stranger cannot make the server hold more.
pub const MAX_BODY_BYTES_BEFORE_SIGN_IN: usize = 4 << 10;

/// Largest raw payload behind a body: one chunk, sealed or not, or one batch of
/// small files.
pub const MAX_PAYLOAD_BYTES: usize = MAX_SEALED_CHUNK_BYTES;

/// Largest sealed chunk: header and tag take 48 bytes.
pub const MAX_SEALED_CHUNK_BYTES: usize = MAX_CHUNK_BYTES + 48;

/// Largest chunk, in plaintext bytes (FastCDC maximum).
pub const MAX_CHUNK_BYTES: usize = 4 << 20;

/// Smallest and average chunk of the content-defined chunker (FastCDC v2020).
pub const MIN_CHUNK_BYTES: usize = 256 << 10;
/// Average chunk of the content-defined chunker.
pub const AVG_CHUNK_BYTES: usize = 1 << 20;

/// Files below this size are one chunk with a random key, stored inline in SQL
/// and carried many to a frame.
pub const SMALL_FILE_BYTES: usize = 64 << 10;

/// Most small files in one `PutFiles` or `ReadFiles`.
pub const MAX_BATCH_FILES: usize = 512;

/// Payload a client fills a batch of small files up to.
pub const BATCH_TARGET_BYTES: usize = 1 << 20;

/// Requests a client may have open on one connection.
pub const MAX_REQUESTS_IN_FLIGHT: u32 = 256;

/// Payload bytes that may be on their way in one direction of a connection.
pub const WINDOW_BYTES: u32 = 16 << 20;

/// Largest name of one file or directory, in UTF-8 bytes.
pub const MAX_NAME_BYTES: usize = 255;

/// Most components of a path.
pub const MAX_PATH_DEPTH: usize = 255;

/// Largest user name, in UTF-8 bytes.
pub const MAX_USER_NAME_BYTES: usize = 64;

/// Largest contact text, in UTF-8 bytes.
pub const MAX_CONTACT_BYTES: usize = 256;

/// Largest search pattern, in UTF-8 bytes.
pub const MAX_PATTERN_BYTES: usize = 1024;

/// Most entries in one page of a listing.
pub const MAX_PAGE_ENTRIES: u32 = 1000;

/// Chunks described by one `ReadPlan` answer, and by one manifest segment.
pub const SEGMENT_CHUNKS: u64 = 8192;

/// Most chunk descriptions in one `ReadPlan` answer.
pub const MAX_PLAN_CHUNKS: usize = 4096;

/// Most chunks in one `OfferContent`.
pub const MAX_OFFERED_CHUNKS: usize = 256;

/// Open uploads of one session.
pub const MAX_OPEN_UPLOADS: usize = 64;

/// Most directories in one `MakeDirs`.
pub const MAX_BATCH_DIRS: usize = 512;

/// Most nodes in one `Delete`, `Copy`, purge or restore batch.
pub const MAX_BATCH_NODES: usize = 512;

/// Most users and groups that one node is shared with.
pub const MAX_SHARES_OF_NODE: usize = 2000;

/// Most nodes that are shared with one user.
pub const MAX_SHARES_WITH_USER: usize = 10_000;

/// Most groups of one user.
pub const MAX_GROUPS: usize = 100;

/// Most members of a group.
pub const MAX_GROUP_MEMBERS: usize = 200;

/// Most nodes that are shared with one group.
pub const MAX_SHARES_OF_GROUP: usize = 1000;

/// Longest time a `Watch` waits, in milliseconds.
pub const MAX_WATCH_MILLIS: u32 = 30_000;

/// Hints that wait for one session.
pub const MAX_WAITING_EVENTS: usize = 256;

/// Names in one `ActivityRecord`.
pub const MAX_ACTIVITY_NAMES: usize = 8;

/// Most chunks in one `PullInline`.
pub const MAX_PULL_INLINE: usize = 512;

/// Most keys in one `PullKeys`.
pub const MAX_PULL_KEYS: usize = 4096;

/// Most things of one kind in one `Wants`.
pub const MAX_WANTS: usize = 256;

/// Most machines in one `ClusterInfo` or `PeerWelcome`.
pub const MAX_ENDPOINTS: usize = 33;

/// Longest time an `Await` waits, in milliseconds.
pub const MAX_AWAIT_MILLIS: u32 = 500;

/// Bytes of a challenge for proof of work.
pub const WORK_CHALLENGE_BYTES: usize = 60;

/// Puzzles in one challenge for proof of work.
pub const WORK_NONCES: usize = 8;

/// Hardest challenge that a client takes on, in leading zero bits of each puzzle.
pub const MAX_WORK_BITS: u8 = 24;

/// Bytes of a `DeviceToken`.
pub const DEVICE_TOKEN_BYTES: usize = 89;

const _: () = {
    assert!(MIN_CHUNK_BYTES < AVG_CHUNK_BYTES && AVG_CHUNK_BYTES < MAX_CHUNK_BYTES);
    assert!(SMALL_FILE_BYTES <= MIN_CHUNK_BYTES);
    assert!(BATCH_TARGET_BYTES + SMALL_FILE_BYTES <= MAX_PAYLOAD_BYTES);
    assert!(WINDOW_BYTES as usize >= 2 * MAX_PAYLOAD_BYTES);
    // A plan entry takes at most 32 + 5 + 1 bytes.
    assert!(MAX_PLAN_CHUNKS * 48 < MAX_BODY_BYTES);
    // A group fits an answer.
    assert!(MAX_GROUP_MEMBERS * (MAX_USER_NAME_BYTES + 5) < MAX_BODY_BYTES / 4);
};
