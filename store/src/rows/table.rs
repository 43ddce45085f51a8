//! What the tables hold, column by column, and the image of a row.
//!
//! The image of a row is the bytes that its digest is computed over and, in a
//! journal entry, the bytes that describe it. It is laid out by hand, all
//! numbers big-endian, columns in the order of the table:
//!
//! ```text
//! U64, Int      8 bytes
//! OptInt        0, or 1 and 8 bytes
//! Fixed(n)      n bytes
//! OptFixed(n)   0, or 1 and n bytes
//! Bytes         4 bytes length, then that many bytes
//! ```
//!
//! digest = first 16 bytes of BLAKE3("coffer/1/row" || table number || image)

use crate::db::Value;

/// Bytes of a row's digest.
pub(crate) const DIGEST_BYTES: usize = 16;
/// What a digest is computed for.
const DIGEST_LABEL: &[u8] = b"coffer/1/row";

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A number from 0 to `i64::MAX`.
    U64,
    /// A signed number.
    Int,
    /// A signed number or NULL.
    OptInt,
    /// Bytes of one length.
    Fixed(usize),
    /// Bytes of one length, or NULL.
    OptFixed(usize),
    /// Bytes of any length up to a limit.
    Bytes(usize),
}

/// Name and type of a column.
pub(crate) type Column = (&'static str, Kind);

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    /// Name in SQL.
    pub(crate) name: &'static str,
    /// Part of the digest, so that a row of one table is none of another.
    pub(crate) number: u8,
    /// How many of the first columns are the primary key.
    pub(crate) keys: usize,
    /// All columns that the digest covers.
    pub(crate) columns: &'static [Column],
}

/// Bytes or values that do not have the shape of their columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record does not have the form of its columns")]
pub struct Malformed;

impl Table {
    /// The names of the key columns.
    pub(crate) fn key_names(&self) -> Vec<&'static str> {
        self.columns[..self.keys].iter().map(|(name, _)| *name).collect()
    }

    /// The names of all columns, the digest last.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|(name, _)| *name).chain(["digest"]).collect()
    }

    /// `SELECT <columns and digest> FROM <table>`
    pub(crate) fn select(&self) -> String {
        format!("SELECT {} FROM {}", self.names().join(","), self.name)
    }

    /// The digest of a row's values.
    pub(crate) fn digest(&self, values: &[Value]) -> [u8; DIGEST_BYTES] {
        let mut image = Vec::with_capacity(512);
        image.extend_from_slice(DIGEST_LABEL);
        image.push(self.number);
        write_image(values, self.columns, &mut image);
        let mut digest = [0; DIGEST_BYTES];
        digest.copy_from_slice(&blake3::hash(&image).as_bytes()[..DIGEST_BYTES]);
        digest
    }

    /// The primary key of a row, in hexadecimal, for an error.
    pub(crate) fn key_text(&self, values: &[Value]) -> String {
        let texts: Vec<String> = values.iter().take(self.keys).map(value_text).collect();
        texts.join("/")
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Bytes(bytes) => bytes.iter().take(64).map(|b| format!("{b:02x}")).collect(),
    }
}

/// Says whether a value may stand in a column.
fn fits(value: &Value, kind: Kind) -> bool {
    match (value, kind) {
        (Value::Int(number), Kind::U64) => *number >= 0,
        (Value::Int(_), Kind::Int | Kind::OptInt)
        | (Value::Null, Kind::OptInt | Kind::OptFixed(_)) => true,
        (Value::Bytes(bytes), Kind::Fixed(n) | Kind::OptFixed(n)) => bytes.len() == n,
        (Value::Bytes(bytes), Kind::Bytes(max)) => bytes.len() <= max,
        _ => false,
    }
}

/// Checks that values have the types of the columns, and names the first column
/// whose value has not.
pub(crate) fn check(values: &[Value], columns: &[Column]) -> Result<(), &'static str> {
    if values.len() != columns.len() {
        return Err("number of columns");
    }
    let misfit = values.iter().zip(columns).find(|(value, (_, kind))| !fits(value, *kind));
    misfit.map_or(Ok(()), |(_, (name, _))| Err(name))
}

/// Appends the image of values that [`check`] has accepted. Values of the wrong
/// type are written as what they are, so that a damaged row has a wrong digest
/// and not a panic.
pub(crate) fn write_image(values: &[Value], columns: &[Column], out: &mut Vec<u8>) {
    for (value, (_, kind)) in values.iter().zip(columns) {
        if matches!(kind, Kind::OptInt | Kind::OptFixed(_)) {
            out.push(u8::from(*value != Value::Null));
        }
        match value {
            Value::Null => {}
            Value::Int(number) => out.extend_from_slice(&number.to_be_bytes()),
            Value::Bytes(bytes) => {
                if matches!(kind, Kind::Bytes(_)) {
                    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
                }
                out.extend_from_slice(bytes);
            }
        }
    }
}

/// Reads an image: exactly the columns, and nothing after them.
pub(crate) fn read_image(bytes: &[u8], columns: &[Column]) -> Result<Vec<Value>, Malformed> {
    let mut rest = bytes;
    let mut values = Vec::with_capacity(columns.len());
    for (_, kind) in columns {
        let present = match kind {
            Kind::OptInt | Kind::OptFixed(_) => match take::<1>(&mut rest)? {
                [0] => false,
                [1] => true,
                _ => return Err(Malformed),
            },
            _ => true,
        };
        let value = match kind {
            _ if !present => Value::Null,
            Kind::U64 | Kind::Int | Kind::OptInt => {
                Value::Int(i64::from_be_bytes(take::<8>(&mut rest)?))
            }
            Kind::Fixed(n) | Kind::OptFixed(n) => Value::from(take_slice(&mut rest, *n)?),
            Kind::Bytes(_) => {
                let length = u32::from_be_bytes(take::<4>(&mut rest)?);
                Value::from(take_slice(&mut rest, length as usize)?)
            }
        };
        if !fits(&value, *kind) {
            return Err(Malformed);
        }
        values.push(value);
    }
    if rest.is_empty() { Ok(values) } else { Err(Malformed) }
}

/// Takes an array off the front.
pub(crate) fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(Malformed)?;
    *rest = tail;
    Ok(*head)
}

/// Takes a slice off the front.
pub(crate) fn take_slice<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
    let (head, tail) = rest.split_at_checked(length).ok_or(Malformed)?;
    *rest = tail;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: &[Column] = &[
        ("u", Kind::U64),
        ("i", Kind::Int),
        ("o", Kind::OptInt),
        ("f", Kind::Fixed(2)),
        ("p", Kind::OptFixed(2)),
        ("b", Kind::Bytes(5)),
    ];

    fn sample() -> Vec<Value> {
        vec![
            Value::Int(1),
            Value::Int(-1),
            Value::Null,
            Value::Bytes(vec![1, 2]),
            Value::Bytes(vec![3, 4]),
            Value::Bytes(vec![5; 5]),
        ]
    }

    #[test]
    fn an_image_has_the_bytes_of_the_description() {
        let mut image = Vec::new();
        write_image(&sample(), ALL, &mut image);
        let mut expected = vec![0, 0, 0, 0, 0, 0, 0, 1];
        expected.extend_from_slice(&[255; 8]);
        expected.extend_from_slice(&[0, 1, 2, 1, 3, 4, 0, 0, 0, 5, 5, 5, 5, 5, 5]);
        assert_eq!(image, expected);
        assert_eq!(read_image(&image, ALL), Ok(sample()));
        for length in 0..image.len() {
            assert_eq!(read_image(&image[..length], ALL), Err(Malformed));
        }
        image.push(0);
        assert_eq!(read_image(&image, ALL), Err(Malformed));
    }

    #[test]
    fn a_digest_is_that_of_label_number_and_image() {
        const TABLE: Table = Table { name: "t", number: 7, keys: 1, columns: ALL };
        let mut bytes = b"coffer/1/row\x07".to_vec();
        write_image(&sample(), ALL, &mut bytes);
        assert_eq!(TABLE.digest(&sample()), blake3::hash(&bytes).as_bytes()[..DIGEST_BYTES]);
        assert_eq!(TABLE.key_text(&sample()), "1");
    }

    #[test]
    fn values_of_the_wrong_type_are_named() {
        for (index, wrong, name) in [
            (0, Value::Int(-1), "u"),
            (1, Value::Null, "i"),
            (2, Value::Bytes(vec![]), "o"),
            (3, Value::Bytes(vec![1]), "f"),
            (4, Value::Int(0), "p"),
            (5, Value::Bytes(vec![0; 6]), "b"),
        ] {
            let mut values = sample();
            values[index] = wrong;
            assert_eq!(check(&values, ALL), Err(name));
        }
        assert_eq!(check(&sample()[1..], ALL), Err("number of columns"));
        assert_eq!(check(&sample(), ALL), Ok(()));
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_accepts_one_form_only(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(values) = read_image(&bytes, ALL) {
                let mut again = Vec::new();
                write_image(&values, ALL, &mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
