//! The command line before clap sees it: what kingpin, whose users we take over, understands and clap does not.

use std::path::Path;

/// `@file` stands for the lines of a file, one argument each; blank lines and lines that begin with `#` are passed over.
pub fn expand(arguments: impl IntoIterator<Item = String>) -> Result<Vec<String>, String> {
    let mut expanded = Vec::new();
    for argument in arguments {
        let Some(path) = argument.strip_prefix('@').filter(|path| !path.is_empty()) else {
            expanded.push(argument);
            continue;
        };
        let text = std::fs::read_to_string(Path::new(path)).map_err(|error| format!("@{path}: {error}"))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        expanded.extend(lines.map(str::to_owned));
    }
    Ok(expanded)
}

/// `--no-x` becomes `--x=false` where `x` is a switch, so that both spellings are one flag.
pub fn unfold_negations(arguments: Vec<String>, is_switch: impl Fn(&str) -> bool) -> Vec<String> {
    let unfold = |argument: String| match argument.strip_prefix("--no-") {
        Some(name) if is_switch(name) => format!("--{name}=false"),
        _ => argument,
    };
    arguments.into_iter().map(unfold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stands_for_its_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("flags");
        std::fs::write(&path, "--a=1\n\n# a comment\n  --b\n").expect("written");
        let arguments = ["--first".to_owned(), format!("@{}", path.display()), "@".to_owned()];
        assert_eq!(expand(arguments), Ok(["--first", "--a=1", "--b", "@"].map(str::to_owned).to_vec()));
        let error = expand(["@/nowhere/flags".to_owned()]).expect_err("no such file");
        assert!(error.starts_with("@/nowhere/flags: "), "{error}");
    }

    #[test]
    fn only_switches_are_negated() {
        let arguments = ["--no-collector.cpu", "--no-such", "--no-collector.cpu=1", "x"].map(str::to_owned).to_vec();
        let unfolded = unfold_negations(arguments, |name| name == "collector.cpu");
        assert_eq!(unfolded, ["--collector.cpu=false", "--no-such", "--no-collector.cpu=1", "x"]);
    }
}
