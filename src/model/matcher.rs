//! Label matchers: `=`, `!=`, `=~`, `!~`, with Prometheus' meaning: regular expressions are anchored at both ends, the
//! dot matches newlines, and a label that is not there has the value "".

use std::fmt;

use regex::{Regex, RegexBuilder};

/// Compiled size above which a pattern is refused, so that no configuration or query can take the memory of a machine.
const REGEX_SIZE_LIMIT_BYTES: usize = 10 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    Equal,
    NotEqual,
    Regex,
    NotRegex,
}

/// One condition on one label.
#[derive(Clone, Debug)]
pub struct Matcher {
    pub name: String,
    pub op: MatchOp,
    pub value: String,
    regex: Option<AnchoredRegex>,
}

/// A regular expression in RE2's syntax that must match a whole text.
#[derive(Clone, Debug)]
pub struct AnchoredRegex {
    pattern: String,
    compiled: Regex,
    /// All texts that match, when the pattern is a plain alternation such as `a|b|c`; saves the automaton.
    literals: Option<Vec<String>>,
}

#[derive(Debug, thiserror::Error)]
#[error("invalid regular expression {pattern:?}: {reason}")]
pub struct RegexError {
    pub pattern: String,
    pub reason: String,
}

impl Matcher {
    pub fn new(name: impl Into<String>, op: MatchOp, value: impl Into<String>) -> Result<Self, RegexError> {
        let value = value.into();
        let regex = match op {
            MatchOp::Regex | MatchOp::NotRegex => Some(AnchoredRegex::new(&value)?),
            MatchOp::Equal | MatchOp::NotEqual => None,
        };
        Ok(Matcher { name: name.into(), op, value, regex })
    }

    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Matcher { name: name.into(), op: MatchOp::Equal, value: value.into(), regex: None }
    }

    /// Whether a label with this value (or "" when it is not there) meets the condition.
    pub fn matches(&self, value: &str) -> bool {
        let regex_matches = || self.regex.as_ref().is_some_and(|regex| regex.is_match(value));
        match self.op {
            MatchOp::Equal => self.value == value,
            MatchOp::NotEqual => self.value != value,
            MatchOp::Regex => regex_matches(),
            MatchOp::NotRegex => !regex_matches(),
        }
    }

    /// Whether series without the label meet the condition.
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }

    /// The finite set of values that this matcher accepts, when it is known without trying all values: an equality, or
    /// a pattern that is an alternation of literals. `None` for anything else, negations included.
    pub fn accepted_values(&self) -> Option<Vec<&str>> {
        match self.op {
            MatchOp::Equal => Some(vec![&self.value]),
            MatchOp::Regex => {
                let literals = self.regex.as_ref()?.literals.as_ref()?;
                Some(literals.iter().map(String::as_str).collect())
            }
            MatchOp::NotEqual | MatchOp::NotRegex => None,
        }
    }
}

impl AnchoredRegex {
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        let compiled = compile(pattern, |translated| format!("^(?s:{translated})$"))?;
        Ok(AnchoredRegex { pattern: pattern.to_owned(), compiled, literals: plain_alternatives(pattern) })
    }

    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    pub fn is_match(&self, text: &str) -> bool {
        match &self.literals {
            Some(literals) => literals.iter().any(|literal| literal == text),
            None => self.compiled.is_match(text),
        }
    }

    /// `template` with `$1`, `${1}` and `${name}` replaced by what the groups matched; `None` when nothing matches.
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let captures = self.compiled.captures(text)?;
        let mut expanded = String::new();
        captures.expand(template, &mut expanded);
        Some(expanded)
    }
}

impl PartialEq for AnchoredRegex {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl fmt::Display for MatchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        })
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op, self.value)
    }
}

/// A regular expression in RE2's syntax that may match anywhere in a text, as those of flags do.
pub fn search_regex(pattern: &str) -> Result<Regex, RegexError> {
    compile(pattern, str::to_owned)
}

fn compile(pattern: &str, around: impl Fn(&str) -> String) -> Result<Regex, RegexError> {
    let refused = |reason: String| RegexError { pattern: pattern.to_owned(), reason };
    // Read alone first, so that "a)(b" is not made valid by the group that anchors it.
    let translated = from_re2(pattern);
    regex_syntax::ast::parse::Parser::new().parse(&translated).map_err(|error| refused(error.kind().to_string()))?;
    RegexBuilder::new(&around(&translated))
        .size_limit(REGEX_SIZE_LIMIT_BYTES)
        .build()
        .map_err(|error| refused(error.to_string().replace('\n', " ")))
}

/// RE2 reads some things otherwise: its `\d`, `\w`, `\s` and `\b` know ASCII only, `\Q…\E` quotes, a brace that begins no
/// repetition is a brace, and within a class there are neither classes nor operators.
fn from_re2(pattern: &str) -> String {
    let mut translated = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let (mut is_in_class, mut is_first_in_class) = (false, false);
    while let Some(first) = rest.chars().next() {
        let was_first = std::mem::take(&mut is_first_in_class);
        let mut length = first.len_utf8();
        match first {
            '\\' => {
                rest = translate_escape(rest, &mut translated);
                continue;
            }
            '[' if !is_in_class => {
                (is_in_class, is_first_in_class) = (true, true);
                length += usize::from(rest[1..].starts_with('^'));
            }
            // `[:alpha:]`
            '[' if rest.starts_with("[:") && rest.contains(":]") => length = rest.find(":]").map_or(1, |end| end + 2),
            // A bracket that stands first does not close the class.
            ']' if is_in_class && !was_first => is_in_class = false,
            '[' | ']' | '&' | '~' if is_in_class => translated.push('\\'),
            '{' if !is_in_class && !begins_repetition(rest) => translated.push('\\'),
            _ => {}
        }
        translated.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    translated
}

/// Of a text that begins with a backslash; gives back what stands behind the escape.
fn translate_escape<'a>(rest: &'a str, translated: &mut String) -> &'a str {
    let escaped = rest[1..].chars().next();
    let (escape, after) = rest.split_at(1 + escaped.map_or(0, char::len_utf8));
    translated.push_str(match escaped {
        Some('d') => "[0-9]",
        Some('D') => "[^0-9]",
        Some('w') => "[0-9A-Za-z_]",
        Some('W') => "[^0-9A-Za-z_]",
        Some('s') => "[\\t\\n\\f\\r ]",
        Some('S') => "[^\\t\\n\\f\\r ]",
        Some('b') => "(?-u:\\b)",
        Some('Q') => {
            let (quoted, behind) = after.split_once("\\E").unwrap_or((after, ""));
            translated.push_str(&regex::escape(quoted));
            return behind;
        }
        _ => escape,
    });
    after
}

/// Of a text that begins with a brace: whether it is `{2}`, `{2,}` or `{2,5}`.
fn begins_repetition(rest: &str) -> bool {
    let Some((counts, _)) = rest[1..].split_once('}') else { return false };
    let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
    !least.is_empty() && [least, most].iter().all(|count| count.bytes().all(|byte| byte.is_ascii_digit()))
}

fn plain_alternatives(pattern: &str) -> Option<Vec<String>> {
    let is_meta = |c: char| r"\.+*?()[]{}^$".contains(c);
    (!pattern.contains(is_meta)).then(|| pattern.split('|').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(op: MatchOp, value: &str) -> Matcher {
        Matcher::new("job", op, value).expect("a valid matcher")
    }

    #[test]
    fn patterns_must_match_the_whole_value() {
        let regex = matcher(MatchOp::Regex, "a.c|x");
        assert!(regex.matches("abc") && regex.matches("x") && regex.matches("a\nc"));
        assert!(!regex.matches("abcd") && !regex.matches("xx"));
        assert!(matcher(MatchOp::NotRegex, "a.*").matches("b"));
    }

    #[test]
    fn alternations_of_literals_need_no_automaton() {
        assert_eq!(matcher(MatchOp::Regex, "a|b|").accepted_values(), Some(vec!["a", "b", ""]));
        assert_eq!(matcher(MatchOp::Regex, "a|b.").accepted_values(), None);
        assert!(matcher(MatchOp::Regex, "a|b|").matches_empty());
    }

    #[test]
    fn a_pattern_cannot_close_the_anchoring_group() {
        let error = Matcher::new("job", MatchOp::Regex, "a)|(b").expect_err("unbalanced");
        assert!(error.to_string().contains(r#""a)|(b""#), "{error}");
    }

    #[test]
    fn classes_are_those_of_re2() {
        let matches = |pattern, text| AnchoredRegex::new(pattern).expect("valid").is_match(text);
        assert!(matches(r"\d+", "42") && !matches(r"\d+", "\u{0664}\u{0662}"));
        assert!(matches(r"[\w-]+", "a-1_") && !matches(r"\w", "é") && matches(r"\W", "é"));
        assert!(matches(r"a\sb", "a b") && !matches(r"a\sb", "a\u{2003}b"));
        assert!(matches(r".*\bé", "aé") && matches(r"\\d", r"\d"));
        assert!(matches(r"\Qa.b|\E+", "a.b||") && !matches(r"\Qa.b\E", "axb") && matches(r"\Q(", "("));
    }

    #[test]
    fn braces_and_brackets_that_mean_nothing_are_themselves() {
        let matches = |pattern, text| AnchoredRegex::new(pattern).expect(pattern).is_match(text);
        assert!(matches("a{", "a{") && matches("{a}", "{a}") && matches("a{,3}", "a{,3}"));
        assert!(matches("a{2}", "aa") && matches("a{1,}", "aaa") && !matches("a{1,2}", "aaa"));
        assert!(matches("[[a]", "[") && matches("[]a]+", "a]") && matches("[^]a]", "b") && !matches("[^]a]", "]"));
        assert!(matches("[a&&b~~]+", "a&b~") && matches("[[:alpha:]_]+", "ab_") && matches("[{]a", "{a"));
        assert!(matches("é{", "é{") && AnchoredRegex::new("[a").is_err() && AnchoredRegex::new("{2}").is_err());
    }

    #[test]
    fn a_search_finds_its_pattern_anywhere() {
        let regex = search_regex(r"\Qa.b\E\d").expect("valid");
        assert!(regex.is_match("xa.b1") && !regex.is_match("xacb1"));
        assert_eq!(search_regex("a(").expect_err("unclosed").reason, "unclosed group");
    }

    #[test]
    fn expansion_knows_numbered_and_named_groups() {
        let regex = AnchoredRegex::new("(?P<host>[^:]+):([0-9]+)").expect("valid");
        assert_eq!(regex.expand("node1:9100", "${host}/$2").as_deref(), Some("node1/9100"));
        assert_eq!(regex.expand("node1", "$1"), None);
    }
}
