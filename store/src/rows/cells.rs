//! Takes the values of a row apart, in column order.

use super::table::Malformed;
use crate::db::Value;
use std::vec::IntoIter;

/// The values of a row, from left to right. [`super::table::check`] has looked
/// at their types, so a failure here is a number out of range for its field.
pub(crate) struct Cells(IntoIter<Value>);

impl Cells {
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    pub(crate) fn int(&mut self) -> Result<i64, Malformed> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(number),
            _ => Err(Malformed),
        }
    }

    /// An unsigned number of any width.
    pub(crate) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, Malformed> {
        T::try_from(self.int()?).map_err(|_| Malformed)
    }

    pub(crate) fn opt_int(&mut self) -> Result<Option<i64>, Malformed> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            _ => Err(Malformed),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Malformed> {
        match self.0.next() {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            _ => Err(Malformed),
        }
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes()?.try_into().map_err(|_| Malformed)
    }

    pub(crate) fn opt_fixed<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Malformed> {
        match self.0.next() {
            Some(Value::Bytes(bytes)) => bytes.try_into().map(Some).map_err(|_| Malformed),
            Some(Value::Null) => Ok(None),
            _ => Err(Malformed),
        }
    }

    /// A list of ids, one after the other.
    pub(crate) fn ids<const N: usize, T>(
        &mut self,
        make: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, Malformed> {
        let bytes = self.bytes()?;
        let (ids, rest) = bytes.as_chunks::<N>();
        if rest.is_empty() { Ok(ids.iter().map(|id| make(*id)).collect()) } else { Err(Malformed) }
    }
}

/// The inverse of [`Cells::ids`].
pub(crate) fn ids_to_bytes<'a, const N: usize>(ids: impl Iterator<Item = &'a [u8; N]>) -> Value {
    Value::Bytes(ids.flatten().copied().collect())
}

/// A value that may be NULL.
pub(crate) fn optional<T: Into<Value>>(value: Option<T>) -> Value {
    value.map_or(Value::Null, Into::into)
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}
