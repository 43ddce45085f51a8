//! What a file is, by its name: for icons and previews.

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Something that people write.
    Text,
    /// Something that programs read.
    Code,
    /// A picture that can be shown.
    Picture,
    /// A film.
    Film,
    /// Sound.
    Sound,
    /// A page description.
    Pdf,
    /// Many files in one.
    Archive,
    /// Anything else.
    Other,
}

impl FileKind {
    /// Whether it can be shown and edited as text.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Code)
    }
}

/// The kind of a file with this name.
pub fn of(name: &str) -> FileKind {
    let extension = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension.to_lowercase(),
        // Makefile, LICENSE, README; and .bashrc.
        _ => return if name.contains('.') { FileKind::Text } else { plain(name) },
    };
    match extension.as_str() {
        "txt" | "md" | "log" | "csv" | "tex" | "rst" | "org" | "adoc" => FileKind::Text,
        "rs" | "py" | "js" | "ts" | "c" | "h" | "cpp" | "hpp" | "java" | "go" | "rb" | "sh"
        | "sql" | "html" | "css" | "json" | "toml" | "yaml" | "yml" | "xml" | "ini" | "conf"
        | "lock" | "service" => FileKind::Code,
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "bmp" => FileKind::Picture,
        "mp4" | "mkv" | "mov" | "avi" | "webm" => FileKind::Film,
        "mp3" | "flac" | "ogg" | "wav" | "m4a" | "opus" => FileKind::Sound,
        "pdf" => FileKind::Pdf,
        "zip" | "tar" | "gz" | "xz" | "zst" | "7z" | "bz2" => FileKind::Archive,
        _ => FileKind::Other,
    }
}

fn plain(name: &str) -> FileKind {
    match name {
        "README" | "LICENSE" | "Makefile" | "Dockerfile" | "NOTES" | "CHANGELOG" => FileKind::Text,
        _ => FileKind::Other,
    }
}

/// Whether a system would run a file with this name when it is asked to open it.
pub fn is_run(name: &str) -> bool {
    const RUN: [&str; 34] = [
        "app", "appimage", "bat", "cmd", "com", "command", "cpl", "desktop", "dmg", "exe", "hta",
        "inf", "jar", "js", "jse", "lnk", "msc", "msi", "msp", "pkg", "pif", "ps1", "py", "reg",
        "rb", "scf", "scr", "sh", "url", "vbe", "vbs", "workflow", "wsf", "wsh",
    ];
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).trim_end();
    RUN.contains(&extension.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_run_is_known() {
        assert!(is_run("invoice.pdf.EXE") && is_run("a.desktop") && is_run("x.bat "));
        assert!(!is_run("plan.md") && !is_run("exe") && !is_run("a.odt"));
    }

    #[test]
    fn kinds_follow_the_name() {
        for (name, kind) in [
            ("plan.md", FileKind::Text),
            ("main.RS", FileKind::Code),
            ("a.b.JPG", FileKind::Picture),
            (".bashrc", FileKind::Text),
            ("README", FileKind::Text),
            ("blob", FileKind::Other),
            ("x.unknown", FileKind::Other),
        ] {
            assert_eq!(of(name), kind, "{name}");
        }
    }
}
