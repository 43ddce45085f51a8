//! Who may do what with what is shared: one table, which the tests walk and
//! which `docs/security.md` shows.

use Op::{
    Activity, CopyIn, CopyInside, CopyOut, Find, Get, Leave, ListTrash, Ls, Mkdir, MoveIn,
    MoveInside, MoveOut, Overwrite, Purge, PurgeVersions, Put, Read, ReadOld, Rename, Reshare,
    Restore, RestoreVersion, Rm, ShareList, Stat, Unshare, Upload, Versions,
};

/// What a person tries to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Ls,
    Stat,
    Read,
    Get,
    Find,
    Versions,
    ReadOld,
    CopyOut,
    Activity,
    Mkdir,
    Put,
    Upload,
    Overwrite,
    CopyIn,
    CopyInside,
    MoveIn,
    Rename,
    MoveInside,
    MoveOut,
    Rm,
    ListTrash,
    Restore,
    RestoreVersion,
    Purge,
    PurgeVersions,
    Reshare,
    Unshare,
    ShareList,
    Leave,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done.
    Allowed,
    /// It is refused, and the reason is told.
    NotAllowed,
    /// For this person there is nothing there.
    NotFound,
}

/// What it is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A file that is shared itself.
    File,
    /// A directory that is shared itself.
    Directory,
    /// What is inside a shared directory.
    Inside,
}

/// What was shared with the person. The inner directory is in the outer one,
/// and the subject is the inner directory, something inside it, or the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nothing.
    Nothing,
    /// The subject, READ.
    Read,
    /// The subject, WRITE.
    Write,
    /// READ for the outer directory, WRITE for the inner one.
    WriteInRead,
    /// WRITE for the outer directory, READ for the inner one.
    ReadInWrite,
    /// It is the person's own.
    Own,
}

/// The columns, in the order of the letters of each row.
pub(crate) const COLUMNS: [(Subject, Way); 14] = [
    (Subject::File, Way::Read),
    (Subject::Directory, Way::Read),
    (Subject::Inside, Way::Read),
    (Subject::File, Way::Write),
    (Subject::Directory, Way::Write),
    (Subject::Inside, Way::Write),
    (Subject::Directory, Way::WriteInRead),
    (Subject::Inside, Way::WriteInRead),
    (Subject::Directory, Way::ReadInWrite),
    (Subject::Inside, Way::ReadInWrite),
    (Subject::File, Way::Nothing),
    (Subject::Directory, Way::Nothing),
    (Subject::Inside, Way::Nothing),
    (Subject::Inside, Way::Own),
];

/// Each operation: its words in the documentation, and for each column `y` (it
/// is done), `n` (not allowed), `-` (not found) or `.` (it has no meaning there).
pub(crate) const ROWS: [(Op, &str, &str); 29] = [
    //                                               READ  WRITE W in R in W none own
    (Ls, "list (`ls`)", ".yy .yy yy yy .-- y"),
    (Stat, "look at (`stat`)", "yyy yyy yy yy --- y"),
    (Read, "read (`cat`)", "y.y y.y .y .y -.- y"),
    (Get, "download (`get`)", "yyy yyy yy yy --- y"),
    (Find, "find by name (`find`)", ".yy .yy yy yy .-- y"),
    (Versions, "see versions (`versions`)", "y.y y.y .y .y -.- y"),
    (ReadOld, "read an earlier version (`cat --version`)", "y.y y.y .y .y -.- y"),
    (CopyOut, "copy to one's own directory (`cp`)", "yyy yyy yy yy --- y"),
    (Activity, "see who did what (`activity`)", "yyy yyy yy yy --- y"),
    (Mkdir, "make a directory (`mkdir`)", ".nn .yy yy yy .-- y"),
    (Put, "add a file (`put`, `write`)", ".nn .yy yy yy .-- y"),
    (Upload, "add a big file (`put`)", ".nn .yy yy yy .-- y"),
    (Overwrite, "change a file (`write`)", "n.n y.y .y .y -.- y"),
    (CopyIn, "copy something of one's own in (`cp`)", ".nn .yy yy yy .-- y"),
    (CopyInside, "copy within (`cp`)", "..n ..y .y .y ..- y"),
    (MoveIn, "move something of one's own in (`mv`)", ".nn .yy yy yy .-- y"),
    (Rename, "rename (`mv`)", "nnn nny ny yy --- y"),
    (MoveInside, "move within (`mv`)", "..n ..y .y .y ..- y"),
    (MoveOut, "move out to one's own directory (`mv`)", "nnn nny ny yy --- y"),
    (Rm, "delete, to the owner's trash (`rm`)", "nnn nny ny yy --- y"),
    (ListTrash, "see what was deleted there (`trash list`)", ".nn .yy yy yy .-- y"),
    (Restore, "put back what was deleted there (`trash restore`)", ".nn .yy yy yy .-- y"),
    (RestoreVersion, "put back an earlier version (`restore`)", "n.n y.y .y .y -.- y"),
    (Purge, "delete for good from the trash (`trash purge`)", ".nn .nn nn nn .-- y"),
    (PurgeVersions, "delete versions for good (`versions --purge`)", "n.n n.n .n .n -.- y"),
    (Reshare, "share with others (`share`)", "nnn nnn nn nn --- y"),
    (Unshare, "take shares back (`unshare`)", "nnn nnn nn nn --- y"),
    (ShareList, "see with whom it is shared (`shares PATH`)", "nnn nnn nn nn --- y"),
    (Leave, "give the share up (`leave`)", "yy- yy- y- y- --- -"),
];

/// What is expected in one column of a row.
pub(crate) fn expected(letters: &str, column: usize) -> Option<Outcome> {
    let letter = letters.chars().filter(|letter| *letter != ' ').nth(column);
    match letter.expect("a letter for each column") {
        'y' => Some(Outcome::Allowed),
        'n' => Some(Outcome::NotAllowed),
        '-' => Some(Outcome::NotFound),
        '.' => None,
        other => panic!("{other} means nothing"),
    }
}

/// Whether a request that is done leaves something changed.
pub(crate) fn changes(op: Op) -> bool {
    !matches!(
        op,
        Ls | Stat
            | Read
            | Get
            | Find
            | Versions
            | ReadOld
            | CopyOut
            | Activity
            | ListTrash
            | ShareList
    )
}
