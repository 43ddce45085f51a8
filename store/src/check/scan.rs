//! Reading whole tables page by page, in the order of their keys.
//!
//! A page holds as many rows as fit a fixed number of bytes at their largest, so
//! a scan of any table needs the same memory. A row whose digest is wrong does
//! not end the scan: it is handed on as what it is.

use crate::db::{Connection, Value};
use crate::error::StoreError;
use crate::reads::{Scanned, scan_page};
use crate::rows::{Kind, Record, Table};
use std::marker::PhantomData;

/// Bytes that the rows of a page take together, at most.
const PAGE_BYTES: usize = 32 << 20;
/// Rows of a page, however small they are.
const PAGE_ROWS: usize = 512;

/// A scan of one table.
#[derive(Debug)]
pub(crate) struct Pages<R> {
    after: Option<Vec<Value>>,
    done: bool,
    rows: PhantomData<R>,
}

impl<R: Record> Pages<R> {
    /// A scan of what comes after a key, or of everything.
    pub(crate) fn after(after: Option<Vec<Value>>) -> Self {
        Self { after, done: false, rows: PhantomData }
    }

    /// Reads the next page; `None` after the last row.
    pub(crate) fn next(
        &mut self,
        conn: &mut dyn Connection,
    ) -> Result<Option<Vec<Scanned<R>>>, StoreError> {
        if self.done {
            return Ok(None);
        }
        let limit = page_rows(R::TABLE);
        let rows = scan_page::<R>(conn, self.after.as_deref(), limit as u32)?;
        self.done = rows.len() < limit;
        let Some((last, _)) = rows.last() else { return Ok(None) };
        self.after = Some(last.clone());
        Ok(Some(rows))
    }
}

/// Rows in a page of this table.
fn page_rows(table: &Table) -> usize {
    let largest: usize = table
        .columns
        .iter()
        .map(|(_, kind)| match kind {
            Kind::U64 | Kind::Int | Kind::OptInt => 8,
            Kind::Fixed(bytes) | Kind::OptFixed(bytes) | Kind::Bytes(bytes) => *bytes,
        })
        .sum();
    (PAGE_BYTES / largest.max(1)).clamp(1, PAGE_ROWS)
}
