//! The database URL, as an operator writes it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Name of `SQLite`'s file in the data directory.
const SQLITE_FILE: &str = "coffer.db";
/// MySQL's port.
const MYSQL_PORT: u16 = 3306;

/// Which database, and where. Never holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite` (a file in the data directory) or `sqlite:PATH`.
    Sqlite {
        /// The file; `None`: `coffer.db` in the data directory.
        path: Option<PathBuf>,
    },
    /// `mysql://user@host:port/name` or `mysql://user@localhost/name?socket=PATH`.
    Mysql {
        /// The database user.
        user: String,
        /// Host name or address.
        host: String,
        /// TCP port.
        port: u16,
        /// Name of the database (schema).
        name: String,
        /// A Unix socket to use in place of host and port.
        socket: Option<PathBuf>,
    },
}

/// A database URL that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Not one of the known kinds.
    #[error("a database URL is `sqlite`, `sqlite:PATH` or `mysql://user@host:port/name`")]
    Unknown,
    /// A password in the URL would end up in process lists and logs.
    #[error("the database URL holds a password; put it into a file or the environment instead")]
    Password,
    /// A part is missing or malformed.
    #[error("the {0} in the database URL is missing or malformed")]
    Part(&'static str),
}

impl DatabaseUrl {
    /// `SQLite`'s file, if that is the engine.
    pub(crate) fn sqlite_file(&self, data: &Path) -> Option<PathBuf> {
        match self {
            Self::Sqlite { path: Some(path) } => Some(path.clone()),
            Self::Sqlite { path: None } => Some(data.join(SQLITE_FILE)),
            Self::Mysql { .. } => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text == "sqlite" {
            return Ok(Self::Sqlite { path: None });
        }
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let path = Some(path).filter(|p| !p.is_empty()).ok_or(UrlError::Part("path"))?;
            return Ok(Self::Sqlite { path: Some(path.into()) });
        }
        parse_mysql(text.strip_prefix("mysql://").ok_or(UrlError::Unknown)?)
    }
}

fn parse_mysql(rest: &str) -> Result<DatabaseUrl, UrlError> {
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(r, q)| (r, Some(q)));
    let (authority, name) = rest.split_once('/').ok_or(UrlError::Part("database name"))?;
    let (user, place) = authority.rsplit_once('@').ok_or(UrlError::Part("user"))?;
    if user.contains(':') {
        return Err(UrlError::Password);
    }
    let (host, port) = parse_place(place)?;
    let plain = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_.$".contains(c))
    };
    if !plain(user) {
        return Err(UrlError::Part("user"));
    }
    if !plain(name) {
        return Err(UrlError::Part("database name"));
    }
    let socket = match query.map(|q| q.strip_prefix("socket=")) {
        None => None,
        Some(Some(path)) if path.starts_with('/') => Some(PathBuf::from(path)),
        Some(_) => return Err(UrlError::Part("query")),
    };
    Ok(DatabaseUrl::Mysql { user: user.to_owned(), host, port, name: name.to_owned(), socket })
}

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
fn parse_place(place: &str) -> Result<(String, u16), UrlError> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(UrlError::Part("host"))?;
            let port = if after.is_empty() { None } else { Some(after.strip_prefix(':')) };
            (host, port.map(|p| p.ok_or(UrlError::Part("port"))).transpose()?)
        }
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(UrlError::Part("host"));
    }
    let port = match port {
        None => MYSQL_PORT,
        Some(text) => text.parse().ok().filter(|p| *p != 0).ok_or(UrlError::Part("port"))?,
    };
    Ok((host.to_owned(), port))
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path: None } => f.write_str("sqlite"),
            Self::Sqlite { path: Some(path) } => write!(f, "sqlite:{}", path.display()),
            Self::Mysql { user, host, port, name, socket } => {
                let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
                write!(f, "mysql://{user}@{open}{host}{close}:{port}/{name}")?;
                socket.iter().try_for_each(|path| write!(f, "?socket={}", path.display()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_written_back() {
        for text in [
            "sqlite",
            "sqlite:/var/lib/coffer.db",
            "mysql://coffer@db.example:3307/coffer",
            "mysql://coffer@[::1]:3306/coffer",
            "mysql://coffer@localhost:3306/coffer?socket=/run/mysqld/mysqld.sock",
        ] {
            assert_eq!(text.parse::<DatabaseUrl>().unwrap().to_string(), text);
        }
        let url: DatabaseUrl = "mysql://u@h/n".parse().unwrap();
        assert_eq!(url.to_string(), "mysql://u@h:3306/n");
    }

    #[test]
    fn bad_urls_are_refused_with_a_reason() {
        for (text, reason) in [
            ("postgres://x", UrlError::Unknown),
            ("", UrlError::Unknown),
            ("sqlite:", UrlError::Part("path")),
            ("mysql://u:secret@h/n", UrlError::Password),
            ("mysql://h/n", UrlError::Part("user")),
            ("mysql://u@h", UrlError::Part("database name")),
            ("mysql://u@h/", UrlError::Part("database name")),
            ("mysql://u@:1/n", UrlError::Part("host")),
            ("mysql://u@h:0/n", UrlError::Part("port")),
            ("mysql://u@[::1]x/n", UrlError::Part("port")),
            ("mysql://u@h/n?ssl=1", UrlError::Part("query")),
        ] {
            assert_eq!(text.parse::<DatabaseUrl>(), Err(reason), "{text}");
        }
    }
}
