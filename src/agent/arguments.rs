//! The command line before clap sees it: what kingpin, whose users we take over, understands and clap does not.

use std::path::Path;

/// Files of arguments within files of arguments, at most: more is a circle.
const MAX_DEPTH: usize = 8;

/// `@file` stands for the lines of a file, one argument each; blank lines and lines that begin with `#` are passed over.
/// A line may be `@file` again.
pub fn expand(arguments: impl IntoIterator<Item = String>) -> Result<Vec<String>, String> {
    let mut expanded = Vec::new();
    for argument in arguments {
        expand_one(argument, MAX_DEPTH, &mut expanded)?;
    }
    Ok(expanded)
}

fn expand_one(argument: String, depth: usize, expanded: &mut Vec<String>) -> Result<(), String> {
    let Some(path) = argument.strip_prefix('@').filter(|path| !path.is_empty()) else {
        expanded.push(argument);
        return Ok(());
    };
    let depth =
        depth.checked_sub(1).ok_or_else(|| format!("@{path}: more than {MAX_DEPTH} files within each other"))?;
    let text = std::fs::read_to_string(Path::new(path)).map_err(|error| format!("@{path}: {error}"))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).try_for_each(|line| expand_one(line, depth, expanded))
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
        let outer = folder.path().join("outer");
        std::fs::write(&outer, format!("--c\n@{}\n", path.display())).expect("written");
        assert_eq!(expand([format!("@{}", outer.display())]), Ok(["--c", "--a=1", "--b"].map(str::to_owned).to_vec()));
        std::fs::write(&path, format!("@{}", outer.display())).expect("written");
        let circle = expand([format!("@{}", outer.display())]).expect_err("a circle");
        assert!(circle.ends_with("more than 8 files within each other"), "{circle}");
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
