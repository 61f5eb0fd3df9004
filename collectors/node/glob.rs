//! Paths by pattern, as Go's `filepath.Glob` has it: `*`, `?` and `[a-z]` within one part of a path, `\` before a
//! character that stands for itself.

use std::fs;
use std::path::{Path, PathBuf};

/// The paths that exist and match, sorted. A pattern without special characters gives itself when it exists.
pub fn glob(pattern: &str) -> Vec<PathBuf> {
    let (root, parts) = match pattern.strip_prefix('/') {
        Some(rest) => (PathBuf::from("/"), rest),
        None => (PathBuf::new(), pattern),
    };
    let mut found = vec![root];
    for part in parts.split('/').filter(|part| !part.is_empty()) {
        found = found.iter().flat_map(|folder| matches_in(folder, part)).collect();
    }
    found.retain(|path| !path.as_os_str().is_empty());
    found.sort();
    found
}

fn matches_in(folder: &Path, part: &str) -> Vec<PathBuf> {
    if !part.contains(['*', '?', '[', '\\']) {
        let path = folder.join(part);
        return if fs::symlink_metadata(&path).is_ok() { vec![path] } else { Vec::new() };
    }
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(listed) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| matches(part, name)).map(|name| folder.join(name)).collect()
}

/// Whether a name matches one part of a pattern as a whole.
fn matches(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    let Some(first) = rest.next() else { return name.is_empty() };
    if first == '*' {
        let starts = name.char_indices().map(|(start, _)| start).chain([name.len()]);
        return starts.into_iter().any(|start| matches(rest.as_str(), &name[start..]));
    }
    let mut characters = name.chars();
    let Some(character) = characters.next() else { return false };
    let after_pattern = match first {
        '?' => Some(rest.as_str()),
        '[' => after_class(rest.as_str(), character),
        '\\' => rest.next().filter(|literal| *literal == character).map(|_| rest.as_str()),
        literal => (literal == character).then_some(rest.as_str()),
    };
    after_pattern.is_some_and(|pattern| matches(pattern, characters.as_str()))
}

/// What follows a class of characters, whose opening bracket is gone, when the character is in it.
fn after_class(class: &str, character: char) -> Option<&str> {
    let is_negated = class.starts_with('^');
    let mut rest = class.strip_prefix('^').unwrap_or(class);
    let mut is_in = false;
    let mut is_empty = true;
    loop {
        if let Some(after) = rest.strip_prefix(']').filter(|_| !is_empty) {
            return (is_in != is_negated).then_some(after);
        }
        is_empty = false;
        let (low, after) = bound(rest)?;
        let (high, after) = match after.strip_prefix('-') {
            Some(after) => bound(after)?,
            None => (low, after),
        };
        is_in |= (low..=high).contains(&character);
        rest = after;
    }
}

fn bound(class: &str) -> Option<(char, &str)> {
    let mut characters = class.chars();
    let first = characters.next()?;
    let character = if first == '\\' { characters.next()? } else { first };
    Some((character, characters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_match_as_in_go() {
        for (pattern, name) in
            [("*", "x"), ("a*b*c", "a1b2b3c"), ("a?c", "aöc"), ("[a-c]x", "bx"), ("[^a]", "b"), (r"\*", "*"), ("", "")]
        {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("a*b", "a"), ("?", ""), ("[a-c]", "d"), ("[^a]", "a"), ("[a", "a"), (r"\*", "x")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn folders_are_found_by_pattern() {
        let root = tempfile::tempdir().expect("a folder");
        for folder in ["one/x_metrics", "two/x_metrics", "two/other"] {
            fs::create_dir_all(root.path().join(folder)).expect("a folder");
        }
        let found = glob(&format!("{}/*/*_metrics", root.path().display()));
        assert_eq!(found, [root.path().join("one/x_metrics"), root.path().join("two/x_metrics")]);
        assert_eq!(glob(&root.path().join("two").display().to_string()), [root.path().join("two")]);
        assert!(glob(&format!("{}/none*", root.path().display())).is_empty() && glob("").is_empty());
    }

    proptest! {
        #[test]
        fn no_pattern_makes_it_panic(pattern in "[a*?\\[\\]^\\\\-]{0,8}", name in "[a-c]{0,6}") {
            matches(&pattern, &name);
        }
    }
}
