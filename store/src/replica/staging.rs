//! The file `refill` of a data directory: how far the filling of a replica has
//! come, and, where rows are to replace others all at once, those rows. Big-endian:
//!
//! ```text
//! file   = "coffer-refill" || version (1 byte, 1) || record || record ...
//! record = kind (1) || body length (4) || body || check (8)
//! check  = first 8 bytes of BLAKE3("coffer/1/refill" || kind || body length || body)
//!
//! 1 moment  = way (1: load, 2: difference) || snapshot (16) || epoch (8) || seq (8)
//!             || chain hash (32) || state root (32) || rows (8)
//!             || own epoch (8) || own seq (8) || own chain hash (32)
//! 2 gone    = table (1) || values of the key: only this machine has the row
//! 3 rows    = table (1) || page of rows: as the source has them
//! 4 next    = table (1) || 0, or 1 and a key image: everything before is here
//! 5 end     = nothing: all tables are here
//! value = 0 for NULL, 1 || number (8), 2 || length (4) || bytes
//! ```
//!
//! (The key of a row that is damaged need not have the form of its columns.)
//!
//! The file is not flushed, and need not be: a record that did not reach the disk
//! whole fails its check, and everything behind the last good `next` or `end` is
//! done again. It holds what the tables hold, ciphertext.

use crate::db::{Row, Value};
use crate::durable::WriteError;
use crate::error::StoreError;
use crate::rows::{Malformed, take, take_slice};
use coffer_protocol::Position;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const MAGIC: &[u8] = b"coffer-refill";
const VERSION: u8 = 1;
const CHECK_LABEL: &[u8] = b"coffer/1/refill";
const CHECK_BYTES: usize = 8;
/// Longest body of a record: a page, with room to spare.
const MAX_BODY_BYTES: usize = 8 << 20;

/// How a replica is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Row by row into empty tables; until the end there is nothing to read.
    Load,
    /// What differs is gathered and then replaced in one transaction; until then
    /// everything stays as it was.
    Difference,
}

/// The moment of the source that a replica is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What the source calls its snapshot.
    pub snapshot: [u8; 16],
    /// Where its history stood.
    pub position: Position,
    /// The chain's hash of everything up to there.
    pub chain_hash: [u8; 32],
    /// The hash of everything that was stored.
    pub root: [u8; 32],
    /// About how many rows there were.
    pub rows: u64,
}

/// The first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) way: Way,
    pub(crate) moment: Moment,
    /// Where this machine stood when the comparison began.
    pub(crate) own: (Position, [u8; 32]),
}

/// The others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Gone(u8, Row),
    Rows(u8, Vec<u8>),
    Next(u8, Option<Vec<u8>>),
    End,
}

/// Where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// With the first table.
    Start,
    /// In this table, behind this key.
    Table(u8, Option<Vec<u8>>),
    /// All tables are here.
    End,
}

/// The file, open to be written on.
#[derive(Debug)]
pub(crate) struct Staging {
    path: PathBuf,
    file: BufWriter<File>,
    pub(crate) header: Header,
    pub(crate) place: Place,
}

fn file_name(data: &Path) -> PathBuf {
    data.join("refill")
}

fn io(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> StoreError {
    move |source| {
        let error = WriteError::new(action, path, source);
        StoreError::Durable(error.into())
    }
}

impl Staging {
    /// Begins a new file, in place of one that may be there.
    pub(crate) fn create(data: &Path, header: Header) -> Result<Self, StoreError> {
        let path = file_name(data);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(&path).map_err(io("create", &path))?;
        let mut staging = Self { file: BufWriter::new(file), path, header, place: Place::Start };
        let start = [MAGIC, &[VERSION], &frame(1, &header.encode())].concat();
        staging.file.write_all(&start).map_err(io("write", &staging.path))?;
        staging.save()?;
        Ok(staging)
    }

    /// Opens the file that an earlier attempt has left, as far as it is whole.
    pub(crate) fn resume(data: &Path) -> Result<Option<Self>, StoreError> {
        let path = file_name(data);
        let mut options = OpenOptions::new();
        let file = match options.read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("open", &path)(error)),
        };
        let Some(mut reader) = Reader::over(file, &path)? else { return Ok(None) };
        let (header, mut place, mut good) = (reader.header, Place::Start, reader.offset);
        while let Ok(Some(record)) = reader.next() {
            match record {
                Record::Next(table, after) => place = Place::Table(table, after),
                Record::End => place = Place::End,
                Record::Gone(..) | Record::Rows(..) => continue,
            }
            good = reader.offset;
        }
        let mut file = reader.file.into_inner();
        file.set_len(good).map_err(io("cut", &path))?;
        file.seek(SeekFrom::End(0)).map_err(io("read", &path))?;
        Ok(Some(Self { path, file: BufWriter::new(file), header, place }))
    }

    /// Appends a record.
    pub(crate) fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        let (kind, body) = record.encode();
        self.file.write_all(&frame(kind, &body)).map_err(io("write", &self.path))?;
        match record {
            Record::Next(table, after) => self.place = Place::Table(*table, after.clone()),
            Record::End => self.place = Place::End,
            Record::Gone(..) | Record::Rows(..) => return Ok(()),
        }
        self.save()
    }

    /// Hands everything to the operating system.
    fn save(&mut self) -> Result<(), StoreError> {
        self.file.flush().map_err(io("write", &self.path))
    }

    /// The records that are there, from the first.
    pub(crate) fn reader(&self) -> Result<Reader, StoreError> {
        let file = File::open(&self.path).map_err(io("open", &self.path))?;
        Reader::over(file, &self.path)?.ok_or_else(damaged)
    }

    /// The records of the file of a data directory, if there is one.
    pub(crate) fn read(data: &Path) -> Result<Option<Reader>, StoreError> {
        let path = file_name(data);
        match File::open(&path) {
            Ok(file) => Reader::over(file, &path),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("open", &path)(error)),
        }
    }

    /// Removes the file of a data directory; nothing depends on it.
    pub(crate) fn remove(data: &Path) {
        crate::durable::remove_quietly(&file_name(data));
    }
}

/// Reads a file from its beginning.
#[derive(Debug)]
pub(crate) struct Reader {
    file: BufReader<File>,
    path: PathBuf,
    offset: u64,
    pub(crate) header: Header,
}

impl Reader {
    /// `None`: this is no such file, or of another version.
    fn over(file: File, path: &Path) -> Result<Option<Self>, StoreError> {
        let mut file = BufReader::new(file);
        let mut start = [0; MAGIC.len() + 1];
        match file.read_exact(&mut start) {
            Ok(()) if start[..MAGIC.len()] == *MAGIC && start[MAGIC.len()] == VERSION => {}
            Ok(()) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(io("read", path)(error)),
        }
        let Some((1, body)) = read_frame(&mut file, path)? else { return Ok(None) };
        let Ok(header) = Header::decode(&body) else { return Ok(None) };
        let offset = (start.len() + 1 + 4 + body.len() + CHECK_BYTES) as u64;
        Ok(Some(Self { file, path: path.to_owned(), offset, header }))
    }

    /// The next record; `None` at the end, or where the file is not whole.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, StoreError> {
        let Some((kind, body)) = read_frame(&mut self.file, &self.path)? else { return Ok(None) };
        self.offset += (1 + 4 + body.len() + CHECK_BYTES) as u64;
        Record::decode(kind, &body).map(Some).map_err(|_| damaged())
    }
}

fn damaged() -> StoreError {
    StoreError::BadSnapshot("the file `refill` is damaged".to_owned())
}

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + 5 + CHECK_BYTES);
    bytes.push(kind);
    bytes.extend_from_slice(&(body.len() as u32).to_be_bytes());
    bytes.extend_from_slice(body);
    let check = check(&bytes);
    bytes.extend_from_slice(&check);
    bytes
}

fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = blake3::Hasher::new();
    let hash = hasher.update(CHECK_LABEL).update(bytes).finalize();
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&hash.as_bytes()[..CHECK_BYTES]);
    check
}

/// Kind and body of a record; `None` at the end, or where it is not whole.
fn read_frame(file: &mut impl Read, path: &Path) -> Result<Option<(u8, Vec<u8>)>, StoreError> {
    let mut exactly = |buffer: &mut [u8]| match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(io("read", path)(error)),
    };
    let mut head = [0; 5];
    if !exactly(&mut head)? {
        return Ok(None);
    }
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if length > MAX_BODY_BYTES {
        return Ok(None);
    }
    let mut bytes = head.to_vec();
    bytes.resize(5 + length + CHECK_BYTES, 0);
    if !exactly(&mut bytes[5..])? {
        return Ok(None);
    }
    let (bytes, found) = bytes.split_at(5 + length);
    Ok((check(bytes) == *found).then(|| (head[0], bytes[5..].to_vec())))
}

impl Header {
    fn encode(&self) -> Vec<u8> {
        let Moment { snapshot, position, chain_hash, root, rows } = &self.moment;
        let way = match self.way {
            Way::Load => 1,
            Way::Difference => 2,
        };
        let (own, own_hash) = &self.own;
        [
            &[way][..],
            snapshot,
            &position.epoch.to_be_bytes(),
            &position.seq.to_be_bytes(),
            chain_hash,
            root,
            &rows.to_be_bytes(),
            &own.epoch.to_be_bytes(),
            &own.seq.to_be_bytes(),
            own_hash,
        ]
        .concat()
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut rest = bytes;
        let way = match take::<1>(&mut rest)? {
            [1] => Way::Load,
            [2] => Way::Difference,
            _ => return Err(Malformed),
        };
        let number = |rest: &mut &[u8]| Ok(u64::from_be_bytes(take::<8>(rest)?));
        let rest = &mut rest;
        let snapshot = take::<16>(rest)?;
        let position = Position { epoch: number(rest)?, seq: number(rest)? };
        let (chain_hash, root) = (take::<32>(rest)?, take::<32>(rest)?);
        let moment = Moment { snapshot, position, chain_hash, root, rows: number(rest)? };
        let own = (Position { epoch: number(rest)?, seq: number(rest)? }, take::<32>(rest)?);
        if rest.is_empty() { Ok(Self { way, moment, own }) } else { Err(Malformed) }
    }
}

impl Record {
    fn encode(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Gone(table, key) => (2, encode_gone(*table, key)),
            Self::Rows(table, page) => (3, [&[*table], &page[..]].concat()),
            Self::Next(table, None) => (4, vec![*table, 0]),
            Self::Next(table, Some(key)) => (4, [&[*table, 1], &key[..]].concat()),
            Self::End => (5, Vec::new()),
        }
    }

    fn decode(kind: u8, bytes: &[u8]) -> Result<Self, Malformed> {
        let rest = &mut &*bytes;
        if kind == 5 {
            return if rest.is_empty() { Ok(Self::End) } else { Err(Malformed) };
        }
        let [table] = take::<1>(rest)?;
        let length = rest.len();
        match kind {
            2 => Ok(Self::Gone(table, decode_key(rest)?)),
            3 => Ok(Self::Rows(table, take_slice(rest, length)?.to_vec())),
            4 => match take::<1>(rest)? {
                [0] if rest.is_empty() => Ok(Self::Next(table, None)),
                [1] => Ok(Self::Next(table, Some(rest.to_vec()))),
                _ => Err(Malformed),
            },
            _ => Err(Malformed),
        }
    }
}

fn encode_gone(table: u8, key: &[Value]) -> Vec<u8> {
    let mut bytes = vec![table];
    for value in key {
        match value {
            Value::Null => bytes.push(0),
            Value::Int(number) => {
                bytes.push(1);
                bytes.extend_from_slice(&number.to_be_bytes());
            }
            Value::Bytes(data) => {
                bytes.push(2);
                bytes.extend_from_slice(&(data.len() as u32).to_be_bytes());
                bytes.extend_from_slice(data);
            }
        }
    }
    bytes
}

fn decode_key(rest: &mut &[u8]) -> Result<Row, Malformed> {
    let mut key = Row::new();
    while !rest.is_empty() {
        key.push(match take::<1>(rest)? {
            [0] => Value::Null,
            [1] => Value::Int(i64::from_be_bytes(take::<8>(rest)?)),
            [2] => {
                let length = u32::from_be_bytes(take::<4>(rest)?) as usize;
                Value::from(take_slice(rest, length)?)
            }
            _ => return Err(Malformed),
        });
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let moment = Moment {
            snapshot: [1; 16],
            position: Position { epoch: 2, seq: 3 },
            chain_hash: [4; 32],
            root: [5; 32],
            rows: 6,
        };
        Header { way: Way::Difference, moment, own: (Position { epoch: 7, seq: 8 }, [9; 32]) }
    }

    fn number(number: u8) -> Vec<u8> {
        [vec![0; 7], vec![number]].concat()
    }

    #[test]
    fn the_file_has_known_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let mut staging = Staging::create(dir.path(), header()).unwrap();
        staging.append(&Record::Gone(3, vec![Value::Int(7), Value::from(&[6])])).unwrap();
        staging.append(&Record::Next(3, Some(vec![8]))).unwrap();
        let mut body = vec![2];
        body.extend([1; 16]);
        body.extend([number(2), number(3), vec![4; 32], vec![5; 32], number(6)].concat());
        body.extend([number(7), number(8), vec![9; 32]].concat());
        let record = |kind: u8, body: &[u8]| {
            let mut bytes = vec![kind, 0, 0, 0, body.len() as u8];
            bytes.extend_from_slice(body);
            let label = [&b"coffer/1/refill"[..], &bytes].concat();
            bytes.extend_from_slice(&blake3::hash(&label).as_bytes()[..8]);
            bytes
        };
        let expected = [
            b"coffer-refill\x01".to_vec(),
            record(1, &body),
            record(2, &[3, 1, 0, 0, 0, 0, 0, 0, 0, 7, 2, 0, 0, 0, 1, 6]),
            record(4, &[3, 1, 8]),
        ];
        assert_eq!(std::fs::read(dir.path().join("refill")).unwrap(), expected.concat());
    }

    #[test]
    fn what_is_not_whole_is_done_again() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Staging::resume(dir.path()).unwrap().is_none());
        let mut staging = Staging::create(dir.path(), header()).unwrap();
        let records = [
            Record::Gone(1, vec![Value::Null, Value::Int(1)]),
            Record::Rows(1, vec![1, 2, 3]),
            Record::Next(3, None),
            Record::Rows(3, vec![4; 100]),
            Record::Next(3, Some(vec![5])),
            Record::End,
        ];
        for record in &records {
            staging.append(record).unwrap();
        }
        drop(staging);
        let path = dir.path().join("refill");
        let whole = std::fs::read(&path).unwrap();
        // Magic and version, and the record of the moment.
        let first = 14 + 5 + 153 + 8;
        for length in 0..=whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let Some(staging) = Staging::resume(dir.path()).unwrap() else {
                assert!(length < first, "{length}");
                continue;
            };
            assert_eq!(staging.header, header());
            let mut reader = staging.reader().unwrap();
            let mut count = 0;
            while let Some(record) = reader.next().unwrap() {
                assert_eq!(record, records[count]);
                count += 1;
            }
            let place = match count {
                0 => Place::Start,
                3 => Place::Table(3, None),
                5 => Place::Table(3, Some(vec![5])),
                6 => Place::End,
                other => panic!("{other}"),
            };
            assert_eq!(staging.place, place);
        }
        // A change anywhere behind the first record ends what is taken over.
        for index in first..whole.len() {
            let mut changed = whole.clone();
            changed[index] ^= 1;
            std::fs::write(&path, changed).unwrap();
            let staging = Staging::resume(dir.path()).unwrap().unwrap();
            assert_ne!(staging.place, Place::End, "{index}");
        }
        std::fs::write(&path, b"something else").unwrap();
        assert!(Staging::resume(dir.path()).unwrap().is_none());
        Staging::remove(dir.path());
        assert!(!path.exists());
    }
}
