//! An exposition as tests compare it: series by their sorted labels.

use std::collections::BTreeMap;

/// `name{a="b"}` (labels sorted) to value.
pub type Page = BTreeMap<String, f64>;

/// Reads text 0.0.4. Deliberately not our own parser, so that a fault in it cannot hide itself.
pub fn series(text: &str) -> Page {
    let mut page = Page::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (key, rest) = split_key(line);
        let value = rest.split_whitespace().next().unwrap_or("");
        let value = value.parse().unwrap_or_else(|_| panic!("not a number in {line:?}"));
        page.insert(key, value);
    }
    page
}

/// The value of the first series of a family whose labels contain all the given texts.
pub fn find(page: &Page, family: &str, parts: &[&str]) -> Option<f64> {
    let of_family = |key: &str| key.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'));
    let wanted = |key: &str| of_family(key) && parts.iter().all(|part| key.contains(part));
    page.iter().find(|(key, _)| wanted(key)).map(|(_, value)| *value)
}

fn split_key(line: &str) -> (String, &str) {
    let Some(open) = line.find(['{', ' ']).filter(|at| line.as_bytes()[*at] == b'{') else {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        return (name.to_owned(), rest);
    };
    let mut labels = Vec::new();
    let mut start = open + 1;
    let (mut in_value, mut escaped) = (false, false);
    for (offset, byte) in line.bytes().enumerate().skip(open + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_value => escaped = true,
            b'"' => in_value = !in_value,
            b',' | b'}' if !in_value => {
                if start < offset {
                    labels.push(&line[start..offset]);
                }
                start = offset + 1;
                if byte == b'}' {
                    break;
                }
            }
            _ => {}
        }
    }
    labels.sort_unstable();
    (format!("{}{{{}}}", &line[..open], labels.join(",")), &line[start..])
}

#[cfg(test)]
mod tests {
    use super::series;

    #[test]
    fn labels_are_sorted_and_quotes_respected() {
        let page = series("# TYPE a gauge\na{z=\"1, }\",b=\"\\\"\"} 2 123\nb 3e2\nc{} NaN\n");
        assert_eq!(page["a{b=\"\\\"\",z=\"1, }\"}"], 2.0);
        assert_eq!(page["b"], 300.0);
        assert!(page["c{}"].is_nan());
    }
}
