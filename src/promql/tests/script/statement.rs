//! Scripts to commands.

use model::Labels;

use super::points::{Point, number, points, series_line, time_ms};

#[derive(Debug)]
pub enum Command {
    Clear,
    Load(Load),
    Eval(Eval),
}

#[derive(Debug)]
pub struct Load {
    pub step_ms: i64,
    /// Classic histograms are native histograms with custom buckets too.
    pub with_native: bool,
    pub series: Vec<(Labels, Vec<Point>)>,
    /// Series that have start timestamps.
    pub with_start_times: Vec<Labels>,
}

#[derive(Debug, Default)]
pub struct Eval {
    pub line: usize,
    pub query: String,
    pub start_ms: i64,
    pub end_ms: i64,
    /// `None` for an instant query.
    pub step_ms: Option<i64>,
    pub fails: bool,
    pub is_ordered: bool,
    pub failure: Option<Said>,
    pub warnings: Vec<Said>,
    pub infos: Vec<Said>,
    pub no_warnings: bool,
    pub no_infos: bool,
    pub string: Option<String>,
    pub scalar: Option<f64>,
    pub series: Vec<(Labels, Vec<Point>)>,
    /// Times of the points when an instant query answers a range vector: start, end, step.
    pub range_vector: Option<(i64, i64, i64)>,
}

/// What a message must be.
#[derive(Clone, Debug)]
pub enum Said {
    Anything,
    Text(String),
    Pattern(String),
}

pub fn commands(text: &str) -> Vec<Command> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let is_blank = |line: &str| line.is_empty() || line.starts_with('#');
        let length = lines[at..].iter().take_while(|line| !is_blank(line)).count();
        // Commands that take no lines of their own may stand directly before the next one.
        let own = if lines[at].eq_ignore_ascii_case("clear") { 1 } else { length };
        if own > 0 {
            commands.push(command(at + 1, &lines[at..at + own]));
        }
        at += own.max(1);
    }
    commands
}

fn command(line: usize, block: &[&str]) -> Command {
    let words: Vec<&str> = block[0].split_whitespace().collect();
    let word = words[0].to_ascii_lowercase();
    match word.as_str() {
        "clear" => Command::Clear,
        "load" | "load_with_nhcb" => Command::Load(load(line, words[1], word != "load", &block[1..])),
        _ if word.starts_with("eval") => Command::Eval(eval(line, &word, block)),
        _ => panic!("line {line}: unknown command {word:?}"),
    }
}

fn load(line: usize, step: &str, with_native: bool, lines: &[&str]) -> Load {
    let step_ms = time_ms(step).unwrap_or_else(|| panic!("line {line}: bad step {step:?}"));
    let mut load = Load { step_ms, with_native, series: Vec::new(), with_start_times: Vec::new() };
    for text in lines {
        let series = series_line(text).unwrap_or_else(|| panic!("line {line}: bad series {text:?}"));
        if series.is_start_times {
            load.with_start_times.push(series.labels);
            continue;
        }
        let points = points(series.points).unwrap_or_else(|| panic!("line {line}: bad points {text:?}"));
        // A series that is named again is replaced.
        load.series.retain(|(labels, _)| *labels != series.labels);
        load.series.push((series.labels, points));
    }
    load
}

fn eval(line: usize, word: &str, block: &[&str]) -> Eval {
    let mut eval = Eval { line, ..Eval::default() };
    match word {
        "eval_fail" => eval.fails = true,
        "eval_ordered" => eval.is_ordered = true,
        "eval_warn" => eval.warnings.push(Said::Anything),
        "eval_info" => eval.infos.push(Said::Anything),
        _ => {}
    }
    let mut rest = block[0];
    let mut next = || {
        let (word, after) = rest.split_once(char::is_whitespace).expect("a complete eval command");
        rest = after.trim_start();
        word
    };
    let time = |text: &str| time_ms(text).unwrap_or_else(|| panic!("line {line}: bad time {text:?}"));
    next();
    if next().eq_ignore_ascii_case("instant") {
        next();
        eval.start_ms = time(next());
        eval.end_ms = eval.start_ms;
    } else {
        next();
        eval.start_ms = time(next());
        next();
        eval.end_ms = time(next());
        next();
        eval.step_ms = Some(time(next()));
    }
    eval.query = rest.to_owned();
    block[1..].iter().for_each(|text| expectation(line, text, &mut eval));
    eval
}

fn expectation(line: usize, text: &str, eval: &mut Eval) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match word {
        "expect" => expect(line, rest, eval),
        "expected_fail_message" => eval.failure = Some(Said::Text(rest.to_owned())),
        "expected_fail_regexp" => eval.failure = Some(Said::Pattern(rest.to_owned())),
        _ if rest.is_empty() && number(word).is_some() => eval.scalar = number(word),
        _ => {
            let series = series_line(text).unwrap_or_else(|| panic!("line {line}: bad result {text:?}"));
            let points = points(series.points).unwrap_or_else(|| panic!("line {line}: bad points {text:?}"));
            eval.series.push((series.labels, points));
        }
    }
}

fn expect(line: usize, text: &str, eval: &mut Eval) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match word {
        "fail" => {
            eval.fails = true;
            eval.failure = Some(said(rest));
        }
        "warn" => eval.warnings.push(said(rest)),
        "info" => eval.infos.push(said(rest)),
        "no_warn" => eval.no_warnings = true,
        "no_info" => eval.no_infos = true,
        "ordered" => eval.is_ordered = true,
        "string" => eval.string = Some(literal(rest)),
        "range" => {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let time = |at: usize| words.get(at).and_then(|text| time_ms(text));
            let times = time(2).zip(time(4)).zip(time(6)).map(|((start, end), step)| (start, end, step));
            assert!(times.is_some(), "line {line}: bad range {text:?}");
            eval.range_vector = times;
        }
        _ => panic!("line {line}: unknown expectation {text:?}"),
    }
}

fn said(text: &str) -> Said {
    if let Some(message) = text.strip_prefix("msg:") {
        Said::Text(message.trim().to_owned())
    } else if let Some(pattern) = text.strip_prefix("regex:") {
        Said::Pattern(pattern.trim().to_owned())
    } else {
        Said::Anything
    }
}

fn literal(text: &str) -> String {
    match promql::parse(text).expect("a string").kind {
        promql::ast::ExprKind::Text(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        other => panic!("not a string: {other:?}"),
    }
}
