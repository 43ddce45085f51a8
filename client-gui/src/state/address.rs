//! The path that is typed in place of the steps that lead to a directory.
//!
//! Guarantees: what was typed stays until it led somewhere or the user gives it up; it
//! is either a path or explained.

use super::Problem;
use coffer_client::{ClientError, RemotePath};

/// Most folders that are offered at once.
const MAX_OFFERS: usize = 8;

/// See the module.
#[derive(Clone, Debug)]
pub struct Address {
    /// What is typed: `/docs`, `@anna/photos`, or names from here on.
    pub text: String,
    /// Where it was begun.
    pub here: RemotePath,
    /// Just opened: the field takes the keyboard.
    pub fresh: bool,
    /// It is being looked at.
    pub busy: bool,
    /// Why it leads nowhere.
    pub problem: Option<Problem>,
    /// Directory whose folders are known, or asked for.
    pub dir: Option<RemotePath>,
    /// The folders in it, by name.
    pub folders: Vec<String>,
    /// Which of the offered ones is marked.
    pub marked: Option<usize>,
}

impl Address {
    /// Begins with where the user is.
    pub fn new(here: RemotePath) -> Self {
        let mut text = here.to_string();
        if !text.ends_with('/') {
            text.push('/');
        }
        Self {
            text,
            here,
            fresh: true,
            busy: false,
            problem: None,
            dir: None,
            folders: Vec::new(),
            marked: None,
        }
    }

    /// The path that is meant.
    pub fn path(&self) -> Result<RemotePath, ClientError> {
        self.read(self.text.trim())
    }

    fn read(&self, text: &str) -> Result<RemotePath, ClientError> {
        match text.starts_with(['/', '@']) {
            true => RemotePath::parse(text),
            false => RemotePath::parse(&format!("{}/{text}", self.here)),
        }
    }

    /// What is typed of the directory, and of a name in it.
    fn parts(&self) -> (&str, &str) {
        match self.text.rfind('/') {
            Some(slash) => self.text.split_at(slash + 1),
            None if self.text.starts_with('@') => self.text.split_at(1),
            None => ("", &self.text),
        }
    }

    /// The directory whose folders can be offered.
    pub fn typed_dir(&self) -> Option<RemotePath> {
        self.read(self.parts().0).ok()
    }

    /// The folders that begin as what is typed.
    pub fn offers(&self) -> Vec<&str> {
        let begun = self.parts().1.to_lowercase();
        let begins = |name: &&str| name.to_lowercase().starts_with(&begun) && **name != begun;
        self.folders.iter().map(String::as_str).filter(begins).take(MAX_OFFERS).collect()
    }

    /// Goes on with a folder that is offered.
    pub fn take(&mut self, index: usize) {
        let (dir, _) = self.parts();
        if let Some(name) = self.offers().get(index) {
            self.text = format!("{dir}{name}/");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str, folders: &[&str]) -> Address {
        let here = RemotePath::parse("/docs").expect("a path");
        let folders = folders.iter().map(|&name| name.to_owned()).collect();
        Address { text: text.to_owned(), folders, ..Address::new(here) }
    }

    #[test]
    fn paths_are_whole_or_begin_here() {
        for (typed, path, dir) in [
            ("/a/b", "/a/b", "/a"),
            ("plans", "/docs/plans", "/docs"),
            ("a/b", "/docs/a/b", "/docs/a"),
            ("@anna/photos/x", "@anna/photos/x", "@anna/photos"),
            ("@an", "@an", "@"),
            ("/", "/", "/"),
        ] {
            let address = address(typed, &[]);
            assert_eq!(address.path().expect("a path").to_string(), path, "{typed}");
            assert_eq!(address.typed_dir().expect("a path").to_string(), dir, "{typed}");
        }
        assert!(address("/a/../b", &[]).path().is_err());
    }

    #[test]
    fn folders_are_offered_by_their_beginning_and_taken() {
        let mut address = address("/docs/pL", &["plans", "Places", "x"]);
        assert_eq!(address.offers(), ["plans", "Places"]);
        address.take(1);
        assert_eq!(address.text, "/docs/Places/");
    }
}
