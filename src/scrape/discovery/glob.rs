//! Paths whose last element may be a pattern: `*` for any text, `?` for one letter, `[a-z]` for one of several.

use std::path::{Path, PathBuf};

use regex::Regex;

/// The files that a path means now, sorted. A path without a pattern means itself when it exists.
pub(crate) fn matching_files(path: &Path) -> Vec<PathBuf> {
    let Some(pattern) = path.file_name().and_then(|name| name.to_str()).filter(|name| name.contains(['*', '?', '[']))
    else {
        return if path.exists() { vec![path.to_path_buf()] } else { Vec::new() };
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let readable = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let (Ok(entries), Ok(regex)) = (std::fs::read_dir(readable), Regex::new(&to_regex(pattern))) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found: Vec<PathBuf> = names.filter(|name| regex.is_match(name)).map(|name| folder.join(name)).collect();
    found.sort();
    found
}

fn to_regex(pattern: &str) -> String {
    let mut regex = String::from("^(?s:");
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let class = rest.strip_prefix('[').and_then(|inner| inner.find(']'));
        match (first, class) {
            ('*', _) => regex.push_str(".*"),
            ('?', _) => regex.push('.'),
            ('[', Some(end)) if end > 0 => {
                regex.push_str(&class_regex(&rest[1..=end]));
                rest = &rest[end + 2..];
                continue;
            }
            (letter, _) => regex.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4]))),
        }
        rest = &rest[first.len_utf8()..];
    }
    regex.push_str(")$");
    regex
}

/// Only ranges and a leading `^` mean anything inside the brackets.
fn class_regex(class: &str) -> String {
    let (negation, letters) = class.strip_prefix('^').map_or(("", class), |letters| ("^", letters));
    let escaped: String = letters
        .chars()
        .map(|c| if c == '-' { "-".to_owned() } else { regex::escape(c.encode_utf8(&mut [0; 4])) })
        .collect();
    format!("[{negation}{escaped}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names_in_their_folder_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.yml", "a.yml", "c.json", "a(1).yml", ".yml"] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        let names = |pattern: &str| -> Vec<String> {
            let found = matching_files(&folder.path().join(pattern));
            found.iter().map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names("*.yml"), [".yml", "a(1).yml", "a.yml", "b.yml"]);
        assert_eq!(names("?.yml"), ["a.yml", "b.yml"]);
        assert_eq!(names("[a-b].*"), ["a.yml", "b.yml"]);
        assert_eq!(names("[^b].yml"), ["a.yml"]);
        assert_eq!(names("a(1)*"), ["a(1).yml"]);
        assert_eq!(names("c.json"), ["c.json"]);
        assert!(names("gone.json").is_empty());
        assert!(names("gone/*.json").is_empty());
    }
}
