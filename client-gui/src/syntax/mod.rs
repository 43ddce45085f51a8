//! Colours for text that programs read: comments, texts in quotes, numbers, keywords, names
//! of settings. One small scanner for all languages, which reads every byte once; a grammar
//! for each language would tell more, and cost a library of them, and time without bound on
//! a text that is made for it.
//!
//! Guarantees: the spans cover the text from its beginning to its end, whatever it is, and
//! end between characters.

mod languages;

pub use languages::{Language, of};

/// What a part of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// Nothing special.
    Plain,
    /// For people.
    Comment,
    /// In quotes.
    Text,
    /// A number.
    Number,
    /// A word of the language, or the name of a setting, or a tag.
    Keyword,
    /// A heading.
    Heading,
}

/// A part of a text: from where the one before ended to this byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub token: Token,
    /// One behind its last byte.
    pub end: usize,
}

/// The parts of a text.
pub fn spans(text: &str, language: &Language) -> Vec<Span> {
    let mut scanner = Scanner { text, language, at: 0, spans: Vec::new() };
    while scanner.at < text.len() {
        scanner.step();
    }
    scanner.spans
}

struct Scanner<'a> {
    text: &'a str,
    language: &'a Language,
    at: usize,
    spans: Vec<Span>,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next so many bytes are this.
    fn add(&mut self, token: Token, len: usize) {
        self.at = (self.at + len).min(self.text.len());
        match self.spans.last_mut() {
            Some(last) if last.token == token => last.end = self.at,
            _ => self.spans.push(Span { token, end: self.at }),
        }
    }

    fn step(&mut self) {
        let (rest, language) = (self.rest(), self.language);
        let Some(first) = rest.chars().next() else { return };
        let line = rest.find('\n').unwrap_or(rest.len());
        if let Some((begin, end)) = language.block
            && let Some(inside) = rest.strip_prefix(begin)
        {
            let len = inside.find(end).map_or(rest.len(), |at| begin.len() + at + end.len());
            self.add(Token::Comment, len);
        } else if self.begins_word() && language.comments.iter().any(|mark| rest.starts_with(mark))
        {
            self.add(Token::Comment, line);
        } else if self.begins_line()
            && (language.marks && first == '#' || language.sections && first == '[')
        {
            self.add(Token::Heading, line);
        } else if language.quotes.contains(&first) {
            let len = quoted(rest, first, line);
            let is_name = language.names && rest[len..].trim_start().starts_with(':');
            self.add(if is_name { Token::Keyword } else { Token::Text }, len);
        } else if language.tags && first == '<' {
            let name = |c: char| !(c.is_alphanumeric() || matches!(c, '/' | '-' | ':' | '!' | '?'));
            let len = rest[1..].find(name).map_or(rest.len(), |at| at + 1);
            self.add(Token::Keyword, len);
        } else if first.is_ascii_digit() {
            let len = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '_')));
            self.add(Token::Number, len.unwrap_or(rest.len()));
        } else if first.is_alphabetic() || first == '_' {
            self.word(rest);
        } else {
            self.add(Token::Plain, first.len_utf8());
        }
    }

    fn word(&mut self, rest: &str) {
        let language = self.language;
        let part =
            |c: char| c.is_alphanumeric() || c == '_' || language.names && matches!(c, '-' | '.');
        let len = rest.find(|c: char| !part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(len);
        let is_name = || language.names && after.trim_start_matches(' ').starts_with(['=', ':']);
        let is_keyword = match language.upper {
            true => language.keywords.contains(&word.to_lowercase().as_str()),
            false => language.keywords.contains(&word),
        };
        self.add(if is_keyword || is_name() { Token::Keyword } else { Token::Plain }, len);
    }

    fn before(&self) -> Option<char> {
        self.text.get(..self.at)?.chars().next_back()
    }

    fn begins_line(&self) -> bool {
        matches!(self.before(), None | Some('\n'))
    }

    /// A mark within a word is no comment: `a#b`, `https://`.
    fn begins_word(&self) -> bool {
        self.before().is_none_or(|c| !c.is_alphanumeric() && !matches!(c, ':' | '$' | '&' | '{'))
    }
}

/// Length of a text in quotes; one that is not closed ends with its line.
fn quoted(rest: &str, quote: char, line: usize) -> usize {
    // What is quoted like this may go over lines.
    let end = if quote == '`' { rest.len() } else { line };
    let mut escaped = false;
    for (at, c) in rest[..end].char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + quote.len_utf8(),
            _ => {}
        }
    }
    end
}

/// A line of a text: what it says, and the parts of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line, without its end.
    pub text: String,
    /// Its parts.
    pub spans: Vec<Span>,
}

/// The lines of a text, each at most this long, in colours if the language of a file with
/// this name is known.
pub fn lines(text: &str, name: &str, longest: usize) -> Vec<Line> {
    let all = match of(name) {
        Some(language) => spans(text, language),
        None => vec![Span { token: Token::Plain, end: text.len() }],
    };
    let (mut lines, mut begin, mut next) = (Vec::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        let end = begin + line.len();
        let shown = line.trim_end_matches(['\n', '\r']);
        let cut = shown.floor_char_boundary(longest.min(shown.len()));
        let mut spans = Vec::new();
        while let Some(span) = all.get(next) {
            let here = span.end.min(end).saturating_sub(begin).min(cut);
            if spans.last().is_none_or(|last: &Span| last.end < here) && here > 0 {
                spans.push(Span { token: span.token, end: here });
            }
            if span.end > end {
                break;
            }
            next += 1;
        }
        lines.push(Line { text: shown[..cut].to_owned(), spans });
        begin = end;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is marked in a text, with a letter for each kind.
    fn marked(name: &str, text: &str) -> String {
        let language = of(name).expect("a known language");
        let mut from = 0;
        let mut out = String::new();
        for span in spans(text, language) {
            let part = &text[from..span.end];
            from = span.end;
            let mark = match span.token {
                Token::Plain => {
                    out.push_str(part);
                    continue;
                }
                Token::Comment => "c:",
                Token::Text => "t:",
                Token::Number => "n:",
                Token::Keyword => "k:",
                Token::Heading => "h:",
            };
            out.extend(["«", mark, part, "»"]);
        }
        assert_eq!(from, text.len());
        out
    }

    #[test]
    fn languages_are_told_apart() {
        let rust = marked("a.rs", "let x1 = 10; // \"no\"\n/* two\nlines */ f(\"a\\\"b\")");
        let wanted = "«k:let» x1 = «n:10»; «c:// \"no\"»\n«c:/* two\nlines */» f(«t:\"a\\\"b\"»)";
        assert_eq!(rust, wanted);
        assert_eq!(marked("a.toml", "[x]\na-b = 1 # c"), "«h:[x]»\n«k:a-b» = «n:1» «c:# c»");
        assert_eq!(marked("a.json", r#"{"a": "b"}"#), r#"{«k:"a"»: «t:"b"»}"#);
        assert_eq!(marked("a.sql", "SELECT 1 -- c"), "«k:SELECT» «n:1» «c:-- c»");
        assert_eq!(marked("a.md", "# Title\n#x `a\nb`"), "«h:# Title»\n«h:#x `a»\nb«t:`»");
        assert_eq!(marked("a.html", "<b a=\"1\">x#y'z"), "«k:<b» a=«t:\"1\"»>x#y'z");
        assert_eq!(
            marked("a.sh", "if [ $# -gt 1 ]; then # c"),
            "«k:if» [ $# -gt «n:1» ]; «k:then» «c:# c»"
        );
        assert!(of("a.bin").is_none());
    }

    #[test]
    fn a_text_that_is_not_closed_or_not_ascii_does_no_harm() {
        for name in ["a.rs", "a.py", "a.md", "a.html", "a.toml", "a.css"] {
            for text in
                ["\"ä", "/*ü", "<ß", "`€\n€", "é\\", "'\\", "<", "<!--", "１２３", "\u{301}a"]
            {
                marked(name, text);
            }
        }
    }

    #[test]
    fn lines_have_their_parts_and_a_longest_length() {
        let lines = lines("let a;\r\n\n/* b\nc */ ü", "a.rs", 4);
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["let ", "", "/* b", "c */"]);
        assert_eq!(
            lines[0].spans,
            [Span { token: Token::Keyword, end: 3 }, Span { token: Token::Plain, end: 4 }]
        );
        assert!(lines[1].spans.is_empty());
        assert_eq!(lines[3].spans, [Span { token: Token::Comment, end: 4 }]);
    }
}
