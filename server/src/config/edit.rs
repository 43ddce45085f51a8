//! Changes single values in the text of `coffer.toml`, and leaves comments and
//! everything else as they are.

/// Sets `section.name` to the string `value`; `None` takes the line away.
pub(crate) fn set(text: &str, section: &str, name: &str, value: Option<&str>) -> String {
    let header = format!("[{section}]");
    let line = value.map(|value| format!("{name} = {}", toml::Value::String(value.to_owned())));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let start = lines.iter().position(|line| line.trim() == header);
    let Some(start) = start else {
        if let Some(line) = line {
            lines.extend([String::new(), header, line]);
        }
        return joined(&lines);
    };
    let end = lines[start + 1..]
        .iter()
        .position(|line| line.trim_start().starts_with('['))
        .map_or(lines.len(), |at| start + 1 + at);
    let old = (start + 1..end).find(|at| key_of(&lines[*at]) == Some(name));
    match (old, line) {
        (Some(at), Some(line)) => lines[at] = line,
        (Some(at), None) => {
            lines.remove(at);
        }
        (None, Some(line)) => lines.insert(start + 1, line),
        (None, None) => {}
    }
    joined(&lines)
}

fn key_of(line: &str) -> Option<&str> {
    line.split_once('=').map(|(key, _)| key.trim())
}

fn joined(lines: &[String]) -> String {
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_in_question_changes() {
        let text =
            "# mine\nlisten = \"a:1\"\n\n[database]\n# where\nurl = \"sqlite\"\n\n[log]\nurl = 1\n";
        let changed = set(text, "database", "url", Some("mysql://c@h:1/x"));
        assert_eq!(changed, text.replace("\"sqlite\"", "\"mysql://c@h:1/x\""));
        let added = set(&changed, "database", "password_file", Some("p\"w"));
        assert!(added.contains("[database]\npassword_file = 'p\"w'\n# where\n"), "{added}");
        assert_eq!(set(&added, "database", "password_file", None), changed);
        assert_eq!(set(text, "database", "password_file", None), text);
        assert_eq!(
            set("a = 1\n", "database", "url", Some("x")),
            "a = 1\n\n[database]\nurl = \"x\"\n"
        );
    }
}
