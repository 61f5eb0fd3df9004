//! What is wrong with a flag, in one line.

use clap::error::{ContextKind, ErrorKind};

/// What clap complains about, without its tips and usage.
pub fn one_line(error: &clap::Error) -> String {
    let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let flag = context(ContextKind::InvalidArg);
    let flag = flag.split(['[', '=', ' ', '<']).next().unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument if flag.starts_with("--") => format!("unknown flag {flag}"),
        ErrorKind::UnknownArgument => format!("unexpected argument {flag:?}"),
        ErrorKind::ArgumentConflict => format!("flag {flag} cannot be repeated"),
        ErrorKind::InvalidValue if context(ContextKind::InvalidValue).is_empty() => {
            format!("flag {flag} needs a value")
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("flag {flag}: {:?} is not one of its values", context(ContextKind::InvalidValue))
        }
        _ => error.render().to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}
