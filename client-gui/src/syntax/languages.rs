//! What the scanner has to know of each language.

/// See the module.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
pub struct Language {
    /// What begins a comment that ends with its line.
    pub(super) comments: &'static [&'static str],
    /// What begins and ends a comment.
    pub(super) block: Option<(&'static str, &'static str)>,
    /// What texts stand in.
    pub(super) quotes: &'static [char],
    /// Words of the language.
    pub(super) keywords: &'static [&'static str],
    /// Words may be in capitals.
    pub(super) upper: bool,
    /// A word before `=` or `:` is the name of a setting.
    pub(super) names: bool,
    /// A line that begins with `[` is a heading.
    pub(super) sections: bool,
    /// A line that begins with `#` is a heading.
    pub(super) marks: bool,
    /// Words behind `<` are tags.
    pub(super) tags: bool,
}

const PLAIN: Language = Language {
    comments: &[],
    block: None,
    quotes: &['"', '\''],
    keywords: &[],
    upper: false,
    names: false,
    sections: false,
    marks: false,
    tags: false,
};

const SLASHES: Language = Language { comments: &["//"], block: Some(("/*", "*/")), ..PLAIN };

static RUST: Language = Language {
    // A single quote is mostly a lifetime.
    quotes: &['"'],
    keywords: &[
        "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum",
        "extern", "false", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move",
        "mut", "pub", "ref", "return", "self", "Self", "static", "struct", "super", "trait",
        "true", "type", "unsafe", "use", "where", "while",
    ],
    ..SLASHES
};

static C: Language = Language {
    keywords: &[
        "auto",
        "bool",
        "break",
        "case",
        "catch",
        "char",
        "class",
        "const",
        "constexpr",
        "continue",
        "default",
        "delete",
        "do",
        "double",
        "else",
        "enum",
        "extends",
        "extern",
        "false",
        "final",
        "finally",
        "float",
        "for",
        "func",
        "go",
        "goto",
        "if",
        "implements",
        "import",
        "int",
        "interface",
        "long",
        "map",
        "namespace",
        "new",
        "nullptr",
        "null",
        "override",
        "package",
        "private",
        "protected",
        "public",
        "range",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "super",
        "switch",
        "template",
        "this",
        "throw",
        "throws",
        "true",
        "try",
        "type",
        "typedef",
        "typename",
        "union",
        "unsigned",
        "using",
        "var",
        "virtual",
        "void",
        "volatile",
        "while",
    ],
    ..SLASHES
};

static SCRIPT: Language = Language {
    quotes: &['"', '\'', '`'],
    keywords: &[
        "async",
        "await",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "default",
        "delete",
        "do",
        "else",
        "enum",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "from",
        "function",
        "if",
        "implements",
        "import",
        "in",
        "instanceof",
        "interface",
        "let",
        "new",
        "null",
        "of",
        "private",
        "public",
        "readonly",
        "return",
        "static",
        "super",
        "switch",
        "this",
        "throw",
        "true",
        "try",
        "type",
        "typeof",
        "undefined",
        "var",
        "void",
        "while",
        "yield",
    ],
    ..SLASHES
};

static PYTHON: Language = Language {
    comments: &["#"],
    block: Some(("\"\"\"", "\"\"\"")),
    keywords: &[
        "and", "as", "assert", "async", "await", "begin", "break", "class", "continue", "def",
        "del", "do", "elif", "else", "elsif", "end", "except", "False", "finally", "for", "from",
        "global", "if", "import", "in", "is", "lambda", "module", "nil", "None", "nonlocal", "not",
        "or", "pass", "raise", "require", "rescue", "return", "self", "True", "try", "unless",
        "while", "with", "yield",
    ],
    ..PLAIN
};

static SHELL: Language = Language {
    comments: &["#"],
    keywords: &[
        "case", "do", "done", "elif", "else", "esac", "exit", "export", "fi", "for", "function",
        "if", "in", "local", "return", "set", "shift", "then", "trap", "unset", "while",
    ],
    ..PLAIN
};

static SQL: Language = Language {
    comments: &["--"],
    block: Some(("/*", "*/")),
    keywords: &[
        "and",
        "as",
        "asc",
        "begin",
        "by",
        "case",
        "commit",
        "create",
        "default",
        "delete",
        "desc",
        "distinct",
        "drop",
        "else",
        "end",
        "exists",
        "from",
        "group",
        "having",
        "in",
        "index",
        "inner",
        "insert",
        "into",
        "is",
        "join",
        "key",
        "left",
        "like",
        "limit",
        "not",
        "null",
        "on",
        "or",
        "order",
        "primary",
        "references",
        "rollback",
        "select",
        "set",
        "table",
        "then",
        "union",
        "unique",
        "update",
        "values",
        "when",
        "where",
        "with",
    ],
    upper: true,
    ..PLAIN
};

static SETTINGS: Language = Language {
    comments: &["#", ";"],
    keywords: &["true", "false", "null", "yes", "no", "on", "off"],
    names: true,
    sections: true,
    ..PLAIN
};

static JSON: Language =
    Language { quotes: &['"'], keywords: &["true", "false", "null"], names: true, ..PLAIN };

static STYLES: Language = Language { block: Some(("/*", "*/")), names: true, ..PLAIN };

static MARKUP: Language =
    Language { block: Some(("<!--", "-->")), quotes: &['"'], tags: true, ..PLAIN };

static MARKDOWN: Language =
    Language { block: Some(("<!--", "-->")), quotes: &['`'], marks: true, ..PLAIN };

/// The language of a file with this name, if it is known.
pub fn of(name: &str) -> Option<&'static Language> {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_lowercase();
    Some(match extension.as_str() {
        "rs" => &RUST,
        "c" | "h" | "cpp" | "hpp" | "java" | "go" => &C,
        "js" | "ts" => &SCRIPT,
        "py" | "rb" => &PYTHON,
        "sh" | "bashrc" | "profile" => &SHELL,
        "sql" => &SQL,
        "toml" | "yaml" | "yml" | "ini" | "conf" | "lock" | "service" => &SETTINGS,
        "json" => &JSON,
        "css" => &STYLES,
        "html" | "xml" => &MARKUP,
        "md" => &MARKDOWN,
        _ => return None,
    })
}
