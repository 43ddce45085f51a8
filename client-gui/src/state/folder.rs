//! A directory, or what a search has found, as it is shown: rows in an order.

use super::Problem;
use coffer_client::RemotePath;
use coffer_client::protocol::NodeId;
use coffer_client::protocol::message::tree::{Entry, Kind};
use std::sync::Arc;

/// One thing that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The entry.
    pub entry: Entry,
    /// Where it is.
    pub path: RemotePath,
}

impl Row {
    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.entry.kind == Kind::Directory
    }
}

/// Which column orders the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Column {
    /// Name, by the numbers in it as well.
    #[default]
    Name,
    /// Bytes.
    Size,
    /// Time of the last change.
    Modified,
}

/// Order of the rows. Directories always come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub column: Column,
    /// The other way round.
    pub descending: bool,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// Where.
    pub path: Option<RemotePath>,
    /// The rows by name, as the worker sent them.
    pub rows: Arc<Vec<Row>>,
    /// Numbers of rows in the order they are shown.
    pub order: Vec<u32>,
    /// The rows come in an order of their own, which is kept.
    pub ranked: bool,
    /// Entries that do not open.
    pub damaged: u64,
    /// More is on its way.
    pub loading: bool,
    /// Why there is nothing.
    pub problem: Option<Problem>,
    /// Number of the question that this answers; older answers are dropped.
    pub generation: u64,
}

impl Folder {
    /// The row at this place of the list.
    pub fn at(&self, index: usize) -> Option<&Row> {
        self.rows.get(*self.order.get(index)? as usize)
    }

    /// Rows that are shown.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether nothing is shown.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Place in the list of a node.
    pub fn index_of(&self, node: NodeId) -> Option<usize> {
        self.order.iter().position(|&row| self.rows[row as usize].entry.node == node)
    }

    /// All rows in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Row> {
        self.order.iter().filter_map(|&row| self.rows.get(row as usize))
    }

    /// Orders the rows anew.
    pub fn arrange(&mut self, sort: Sort) {
        let rows = Arc::clone(&self.rows);
        let mut order: Vec<u32> = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).collect();
        if self.ranked {
            self.order = order;
            return;
        }
        let entry = |row: &u32| &rows[*row as usize].entry;
        match sort.column {
            // They come by name.
            Column::Name if !sort.descending => {}
            Column::Name => order.reverse(),
            Column::Size if sort.descending => {
                order.sort_by_key(|row| std::cmp::Reverse(entry(row).size));
            }
            Column::Size => order.sort_by_key(|row| entry(row).size),
            Column::Modified if sort.descending => {
                order.sort_by_key(|row| std::cmp::Reverse(entry(row).modified_millis));
            }
            Column::Modified => order.sort_by_key(|row| entry(row).modified_millis),
        }
        order.sort_by_key(|row| entry(row).kind != Kind::Directory);
        self.order = order;
    }
}

/// Orders rows by name: directories first, numbers by their value, no matter the case.
pub fn by_name(rows: &mut [Row]) {
    rows.sort_by(|one, other| {
        let dirs_first = other.is_dir().cmp(&one.is_dir());
        dirs_first.then_with(|| natord::compare_ignore_case(&one.entry.name, &other.entry.name))
    });
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use coffer_client::protocol::Hash32;

    /// A row of the home directory.
    pub(crate) fn row(name: &str, kind: Kind, size: u64, modified_millis: i64) -> Row {
        let mut node = [0; 16];
        for (to, from) in node.iter_mut().zip(name.bytes()) {
            *to = from;
        }
        let entry = Entry {
            node: NodeId(node),
            parent: NodeId([0; 16]),
            name: name.to_owned(),
            kind,
            size,
            modified_millis,
            created_millis: 0,
            executable: false,
            revision: 1,
            content_hash: Hash32([0; 32]),
            machines: 1,
        };
        Row { entry, path: RemotePath::Own(vec![name.to_owned()]) }
    }

    fn names(folder: &Folder) -> Vec<&str> {
        folder.iter().map(|row| row.entry.name.as_str()).collect()
    }

    #[test]
    fn rows_come_in_the_order_of_each_column_with_directories_first() {
        let mut rows = vec![
            row("b10", Kind::File, 5, 30),
            row("B9", Kind::File, 7, 10),
            row("z", Kind::Directory, 0, 20),
            row("a", Kind::File, 6, 40),
        ];
        by_name(&mut rows);
        let mut folder = Folder { rows: Arc::new(rows), ..Folder::default() };
        let mut order = |column, descending| {
            folder.arrange(Sort { column, descending });
            names(&folder).join(" ")
        };
        assert_eq!(order(Column::Name, false), "z a B9 b10");
        assert_eq!(order(Column::Name, true), "z b10 B9 a");
        assert_eq!(order(Column::Size, false), "z b10 a B9");
        assert_eq!(order(Column::Modified, true), "z a b10 B9");
    }
}
