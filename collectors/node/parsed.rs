//! One odd line costs only itself: what a parser makes of a file, less the lines that it could not read.

use std::path::Path;

use kernel::Error;
use kernel::scan::ParseError;

/// How many lines of one file are named as problems; a file of garbage must not fill the log.
const MAX_NAMED_PROBLEMS: usize = 5;

/// The rows that could be read. The others go to `problems`, each with path, line and text.
pub fn parsed<T>(
    rows: impl Iterator<Item = Result<T, ParseError>>,
    path: &Path,
    problems: &mut Vec<String>,
) -> impl Iterator<Item = T> {
    let mut odd_lines = 0;
    rows.filter_map(move |row| match row {
        Ok(row) => Some(row),
        Err(problem) => {
            odd_lines += 1;
            if odd_lines <= MAX_NAMED_PROBLEMS {
                problems.push(Error::parse(path, problem).to_string());
            } else if odd_lines == MAX_NAMED_PROBLEMS + 1 {
                problems.push(format!("{}: more lines could not be read", path.display()));
            }
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_lines_are_named_with_their_path_but_not_all_of_them() {
        let rows =
            (1..=100).map(|n| if n % 2 == 0 { Ok(n) } else { Err(ParseError::new(n, "an even number", b"odd")) });
        let mut problems = Vec::new();
        let kept = parsed(rows, Path::new("/proc/numbers"), &mut problems).count();
        assert_eq!(kept, 50);
        assert_eq!(problems.len(), MAX_NAMED_PROBLEMS + 1);
        assert_eq!(problems[1], r#"/proc/numbers:3: expected an even number, found "odd""#);
        assert_eq!(problems[MAX_NAMED_PROBLEMS], "/proc/numbers: more lines could not be read");
    }
}
