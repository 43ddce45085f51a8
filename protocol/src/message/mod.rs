//! Message bodies. The first frames of a connection are `Hello` and `Welcome`;
//! after them every `Request` gets exactly one `Response` or `WireError`.
//!
//! Variants are only ever added at the end of `Request` and `Response`: their
//! numbers are part of the protocol.

pub mod account;
pub mod cluster;
pub mod event;
pub mod hello;
pub mod peer;
pub mod recovered;
pub mod share;
pub mod transfer;
pub mod tree;
pub mod work;

pub use hello::{Hello, Welcome, Window};

use account::{
    AccountInfo, Attach, LoginChallenge, LoginDone, LoginFinish, LoginStart, NewCredentials,
    SecretKind, SignupFinish, SignupStart,
};
use bincode::{Decode, Encode};
use cluster::{AwaitPosition, ClusterInfo, EpochProof};
use event::{ActivityPage, Events, ListActivity, Watch};
use peer::{
    BeginSnapshot, EndSnapshot, Join, Joined, OfferChunk, OfferEntry, OfferRow, PeerHello,
    PeerWelcome, Progress, PullChunk, PullEntries, PullInline, PullKeys, PullRow, PullRows,
    PullWants, PulledEntries, PulledInline, PulledRow, PulledRows, PutDiverged, Rejoin, Rejoined,
    SnapshotBegun, SteppedDown, Wants,
};
use recovered::{DismissDiverged, Dismissed, DivergedPage, ListDiverged};
use share::{
    Changed, ConfirmContact, ContactInfo, EditGroup, FindContact, FindShared, GroupChanged,
    GroupPage, LeaveShare, ListGroups, ListShares, ShareEntry, ShareNode, SharePage, Shared,
    TrashIn, Unshare,
};
use transfer::{
    AbortUpload, BatchRead, BatchWritten, CommitUpload, FileInfo, ListUploads, Needed,
    OfferContent, OpenFile, Plan, ProveContent, PutChunk, PutFiles, ReadChunk, ReadFiles, ReadPlan,
    Unproven, UploadPage, Written,
};
use tree::{
    Copy, Delete, Entry, List, ListPage, Made, MakeDirs, Move, Outcomes, PurgeTrash, PurgeVersions,
    Purged, RestoreTrash, RestoreVersion, Stat, TrashList, TrashPage, VersionPage, Versions, Walk,
    WalkPage,
};
use work::{DeviceToken, Purpose, WorkChallenge, WorkProof};

/// What a client asks. Requests with a raw payload say so.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Request {
    /// Begins sign-in. Answer: `LoginChallenge`.
    LoginStart(LoginStart),
    /// Ends sign-in. Answer: `LoginDone`.
    LoginFinish(LoginFinish),
    /// Joins this connection to a signed-in session. Answer: `Done`.
    Attach(Attach),
    /// Begins sign-up. Answer: `LoginChallenge`, whose nonce is not used.
    SignupStart(SignupStart),
    /// Ends sign-up. Answer: `Changed`; the client then signs in.
    SignupFinish(Box<SignupFinish>),
    /// Ends the session on all its connections. Answer: `Done`.
    Logout,
    /// Answer: `Account`.
    WhoAmI,
    /// Asks for a fresh challenge inside a session, to prove the password (or
    /// recovery key) again. Answer: `LoginChallenge`. The proof is bound to a
    /// client nonce of zeros: session and connection are the client's already.
    ProveAgain(SecretKind),
    /// Sets a new password, and a new recovery key where one was made, proved by
    /// the present secret. All other sessions of the user end. Answer: `Changed`.
    ReplaceCredentials(Box<NewCredentials>),
    /// Deletes the account and everything in it, for good. Answer: `Changed`.
    DeleteAccount(LoginFinish),

    /// Answer: `Entry`.
    Stat(Stat),
    /// One page of a directory. Answer: `List`.
    List(List),
    /// One page of a whole tree, depth first. Answer: `Walk`.
    Walk(Walk),
    /// Creates directories. Answer: `Made`.
    MakeDirs(MakeDirs),
    /// Renames or moves. Answer: `Written`.
    Move(Move),
    /// Copies files (trees are copied by the client, batch by batch). Answer: `Outcomes`.
    Copy(Copy),
    /// Moves files and directories to the trash. Answer: `Outcomes`.
    Delete(Delete),
    /// One page of the trash. Answer: `Trash`.
    TrashList(TrashList),
    /// Puts something back from the trash. Answer: `Written`.
    RestoreTrash(RestoreTrash),
    /// Deletes from the trash, for good, a bounded number at a time. Answer: `Purged`.
    PurgeTrash(PurgeTrash),
    /// One page of the versions of a file, newest first. Answer: `Versions`.
    Versions(Versions),
    /// Makes an old version the current one (as a new revision). Answer: `Written`.
    RestoreVersion(RestoreVersion),
    /// Deletes old versions, for good. Answer: `Purged`.
    PurgeVersions(PurgeVersions),

    /// Writes a batch of small files. Payload: their contents, one behind the
    /// other. Answer: `BatchWritten`.
    PutFiles(PutFiles),
    /// Sends one chunk of an upload. Payload: the chunk. Answer: `Done`.
    PutChunk(PutChunk),
    /// Makes an upload a file. Answer: `Written`.
    CommitUpload(CommitUpload),
    /// Gives an upload up. Answer: `Done`.
    AbortUpload(AbortUpload),
    /// Opens a file (or an old version) for reading. Answer: `File`.
    OpenFile(OpenFile),
    /// Lists chunks of a file. Answer: `Plan`.
    ReadPlan(ReadPlan),
    /// Reads one chunk. Answer: `Chunk`, with the chunk as payload.
    ReadChunk(ReadChunk),
    /// Reads a batch of small files. Answer: `BatchRead`, with their contents,
    /// one behind the other, as payload.
    ReadFiles(ReadFiles),

    /// Shares a file or directory with a user or a group, or changes the share.
    /// Answer: `Shared`.
    Share(ShareNode),
    /// Takes a share back. Answer: `Changed`.
    Unshare(Unshare),
    /// Gives up what is shared with the user. Answer: `Changed`.
    LeaveShare(LeaveShare),
    /// One page of shares. Answer: `Shares`.
    ListShares(ListShares),
    /// Looks up `@owner/name`. Answer: `Share`.
    FindShared(FindShared),
    /// Makes, changes or deletes a group. Answer: `GroupChanged`.
    EditGroup(EditGroup),
    /// One page of the user's groups. Answer: `Groups`.
    ListGroups(ListGroups),
    /// Another user and the safety number. Answer: `Contact`.
    FindContact(FindContact),
    /// Accepts the present key of another user. Answer: `Changed`.
    ConfirmContact(ConfirmContact),
    /// One page of what was deleted inside a directory, which may be a shared
    /// one. Answer: `Trash`.
    TrashIn(TrashIn),
    /// Waits until something happens to what the user sees. Does not keep the
    /// session from ending for lack of use. Answer: `Events`.
    Watch(Watch),
    /// One page of who did what. Answer: `Activity`.
    ListActivity(ListActivity),

    /// Makes a machine a replica. Answer: `Joined`.
    Join(Join),
    /// Begins a connection of a replica; what follows is for replicas only.
    /// Answer: `PeerWelcome`.
    PeerHello(PeerHello),
    /// Journal entries, in order. Answer: `PulledEntries`, with the entries, one
    /// behind the other, as payload.
    PullEntries(PullEntries),
    /// A sealed chunk. Answer: `Chunk`, with the chunk as payload.
    PullChunk(PullChunk),
    /// Sealed chunks that are stored in SQL. Answer: `PulledInline`, with the
    /// chunks, one behind the other, as payload.
    PullInline(PullInline),
    /// How far the replica is. Answer: `Done`.
    Progress(Progress),

    /// Shows a promotion to a machine that may not know of it; if the proof is
    /// good and newer, the machine is fenced from then on. Also before sign-in.
    /// Answer: `Done`.
    ShowEpoch(Box<EpochProof>),
    /// Which machines there are. Answer: `Cluster`.
    Cluster,
    /// Waits until the machine has what the client has seen. Answer: `Done`, or the
    /// error `behind`.
    Await(AwaitPosition),

    /// Begins to read everything as it is at one moment, or goes on. Answer:
    /// `SnapshotBegun`.
    BeginSnapshot(BeginSnapshot),
    /// Rows of one table of a snapshot, in the order of their keys. Answer:
    /// `PulledRows`, with the rows as payload.
    PullRows(PullRows),
    /// Some rows of one table of a snapshot. Answer: `PulledRows`, with the rows as
    /// payload.
    PullKeys(PullKeys),
    /// The snapshot is not needed any more. Answer: `Done`.
    EndSnapshot(EndSnapshot),
    /// One row as it is now, to heal a damaged one. Answer: `PulledRow`, with the row
    /// as payload.
    PullRow(PullRow),
    /// Waits until the source needs something from the replica to heal itself.
    /// Answer: `Wants`.
    PullWants(PullWants),
    /// A chunk that was wanted. Payload: the sealed chunk. Answer: `Done`.
    OfferChunk(OfferChunk),
    /// A row that was wanted. Payload: the row. Answer: `Done`.
    OfferRow(OfferRow),
    /// A journal entry that was wanted. Payload: the entry. Answer: `Done`.
    OfferEntry(OfferEntry),
    /// Asks the primary to take no more writes, because this standby is being
    /// promoted. Answer: `SteppedDown`.
    StepDown,

    /// Makes a machine that was the primary a standby. Answer: `Rejoined`.
    Rejoin(Rejoin),
    /// Journal entries that only the old primary has, and that it will give up.
    /// Payload: the entries, or a piece of one. Answer: `Wants`, with the chunks that
    /// are needed for them.
    PutDiverged(PutDiverged),
    /// Makes what was put durable. Answer: `Done`; only then may the old primary give
    /// it up.
    KeepDiverged,

    /// One page of what was written at a machine that was the primary, after another
    /// had taken its place. Answer: `Diverged`.
    ListDiverged(ListDiverged),
    /// Takes writes off that list. Answer: `Dismissed`.
    DismissDiverged(DismissDiverged),

    /// Asks which chunks of an upload have to be sent. Answer: `Needed`.
    OfferContent(Box<OfferContent>),
    /// One page of the user's uploads that are not finished. Answer: `Uploads`.
    ListUploads(ListUploads),

    /// Asks for a challenge; the one before is void. Answer: `Work`.
    AskWork(Purpose),
    /// Shows work that was done for the newest challenge. Answer: `Done`.
    ProveWork(WorkProof),
    /// Says, before sign-in, that this device is known. Answer: `Done`.
    KnowDevice(DeviceToken),
    /// Makes this device known from now on. Answer: `Device`.
    AskDevice,

    /// Proves that the client has chunks. Answer: `Needed`, for each proof.
    ProveContent(ProveContent),
}

/// What the server answers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Response {
    /// Nothing more to say.
    Done,
    /// To `LoginStart`, `SignupStart`, `ProveAgain`.
    LoginChallenge(LoginChallenge),
    /// To `LoginFinish`.
    LoginDone(LoginDone),
    /// To `WhoAmI`.
    Account(AccountInfo),
    /// To `Stat`.
    Entry(Entry),
    /// To `List`.
    List(ListPage),
    /// To `Walk`.
    Walk(WalkPage),
    /// To `MakeDirs`.
    Made(Made),
    /// To every request that writes one file or directory.
    Written(Written),
    /// To `Copy` and `Delete`.
    Outcomes(Outcomes),
    /// To `TrashList`.
    Trash(TrashPage),
    /// To `PurgeTrash` and `PurgeVersions`.
    Purged(Purged),
    /// To `Versions`.
    Versions(VersionPage),
    /// To `PutFiles`.
    BatchWritten(BatchWritten),
    /// To `OpenFile`.
    File(FileInfo),
    /// To `ReadPlan`.
    Plan(Plan),
    /// To `ReadChunk` and `PullChunk`; the chunk is the payload.
    Chunk,
    /// To `ReadFiles`; the contents are the payload.
    BatchRead(BatchRead),
    /// To `Share`.
    Shared(Box<Shared>),
    /// To `Unshare` and `LeaveShare`, and to what changes an account.
    Changed(Changed),
    /// To `ListShares`.
    Shares(SharePage),
    /// To `FindShared`.
    Share(Box<ShareEntry>),
    /// To `EditGroup`.
    GroupChanged(GroupChanged),
    /// To `ListGroups`.
    Groups(GroupPage),
    /// To `FindContact`.
    Contact(ContactInfo),
    /// To `Watch`.
    Events(Events),
    /// To `ListActivity`.
    Activity(ActivityPage),
    /// To `Join`.
    Joined(Box<Joined>),
    /// To `PeerHello`.
    PeerWelcome(PeerWelcome),
    /// To `PullEntries`; the entries are the payload.
    PulledEntries(PulledEntries),
    /// To `PullInline`; the chunks are the payload.
    PulledInline(PulledInline),
    /// To `Cluster`.
    Cluster(Box<ClusterInfo>),
    /// To `BeginSnapshot`.
    SnapshotBegun(SnapshotBegun),
    /// To `PullRows` and `PullKeys`; the rows are the payload.
    PulledRows(PulledRows),
    /// To `PullRow`; the row is the payload.
    PulledRow(PulledRow),
    /// To `PullWants` and `PutDiverged`.
    Wants(Wants),
    /// To `StepDown`.
    SteppedDown(SteppedDown),
    /// To `Rejoin`.
    Rejoined(Box<Rejoined>),
    /// To `ListDiverged`.
    Diverged(Box<DivergedPage>),
    /// To `DismissDiverged`.
    Dismissed(Dismissed),
    /// To `OfferContent`.
    Needed(Needed),
    /// To `ListUploads`.
    Uploads(UploadPage),
    /// To `AskWork`.
    Work(WorkChallenge),
    /// To `AskDevice`.
    Device(DeviceToken),
    /// To `OfferContent`, in the place of `Needed`.
    Unproven(Unproven),
}

/// Body of a `Response` frame.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Answered {
    /// Number of the last journal entry that the machine had when it answered, so
    /// nothing in the answer is newer; 0 when it does not say. The epoch is that of
    /// `Welcome`.
    pub as_of: u64,
    /// The answer.
    pub response: Response,
}
