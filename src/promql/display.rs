//! Queries printed on one line, as Prometheus prints them: parsing the text again gives the same tree.

use std::fmt::{self, Display, Formatter};

use model::{METRIC_NAME, MatchOp, Matcher, format_duration_ms, is_valid_label_name};

use crate::ast::{
    Aggregate, At, Binary, BinaryOp, Cardinality, DurationExpr, Expr, ExprKind, Extension, Grouping, Matching, Number,
    RangeSelector, Selector, Shift, Subquery,
};
use crate::quote::write_quoted;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number) => number.fmt(f),
            ExprKind::Text(bytes) => write_quoted(f, bytes),
            ExprKind::Selector(selector) => write!(f, "{}{}", Series(selector), Shifted(&selector.shift, selector)),
            ExprKind::Range(range) => range.fmt(f),
            ExprKind::Subquery(subquery) => subquery.fmt(f),
            ExprKind::Call(call) => write!(f, "{}({})", call.function.name, Separated(", ", &call.args)),
            ExprKind::Aggregate(aggregate) => aggregate.fmt(f),
            ExprKind::Binary(binary) => binary.fmt(f),
            ExprKind::Unary(unary) => write!(f, "{}{}", if unary.negative { "-" } else { "+" }, unary.operand),
            ExprKind::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_duration {
            return f.write_str(&format_duration_ms((self.value * 1000.0).round() as i64));
        }
        write_decimal(f, self.value)
    }
}

/// Without an exponent, however long.
pub fn write_decimal(f: &mut impl fmt::Write, value: f64) -> fmt::Result {
    if value.is_infinite() { f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" }) } else { write!(f, "{value}") }
}

/// The part of a selector before its modifiers.
struct Series<'a>(&'a Selector);

impl Display for Series<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.0.name.as_deref();
        f.write_str(name.unwrap_or(""))?;
        let is_name = |matcher: &Matcher| {
            matcher.name == METRIC_NAME && matcher.op == MatchOp::Equal && Some(matcher.value.as_str()) == name
        };
        let others = self.0.matchers.iter().filter(|matcher| !is_name(matcher));
        let mut others: Vec<_> = others.map(|matcher| Condition(matcher).to_string()).collect();
        others.sort_unstable();
        if others.is_empty() && name.is_some() { Ok(()) } else { write!(f, "{{{}}}", Separated(",", &others)) }
    }
}

struct Condition<'a>(&'a Matcher);

impl Display for Condition<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", LabelName(&self.0.name), self.0.op)?;
        write_quoted(f, self.0.value.as_bytes())
    }
}

/// A label name, quoted when PromQL cannot spell it otherwise.
struct LabelName<'a>(&'a str);

impl Display for LabelName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if is_valid_label_name(self.0) { f.write_str(self.0) } else { write_quoted(f, self.0.as_bytes()) }
    }
}

/// The modifiers after a selector.
struct Shifted<'a>(&'a Shift, &'a Selector);

impl Display for Shifted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.1.extension {
            Some(Extension::Anchored) => f.write_str(" anchored")?,
            Some(Extension::Smoothed) => f.write_str(" smoothed")?,
            None => {}
        }
        self.0.fmt(f)
    }
}

impl Display for Shift {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(At::Time(ms)) => {
                let sign = if ms < 0 { "-" } else { "" };
                write!(f, " @ {sign}{}.{:03}", ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000)?;
            }
            Some(At::Start) => f.write_str(" @ start()")?,
            Some(At::End) => f.write_str(" @ end()")?,
            None => {}
        }
        match &self.offset {
            Some(offset) => write!(f, " offset {}", offset),
            None => Ok(()),
        }
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            DurationExpr::Number(number) => number.fmt(f),
            DurationExpr::Step => f.write_str("step()"),
            DurationExpr::Range => f.write_str("range()"),
            DurationExpr::Unary { negative, operand } => {
                write!(f, "{}{operand}", if *negative { "-" } else { "+" })
            }
            DurationExpr::Binary { op, left, right } => write!(f, "{left} {} {right}", op.symbol()),
            DurationExpr::MinOf(left, right) => write!(f, "min_of({left}, {right})"),
            DurationExpr::MaxOf(left, right) => write!(f, "max_of({left}, {right})"),
            DurationExpr::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

impl Display for RangeSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let RangeSelector { selector, range } = self;
        write!(f, "{}[{}]{}", Series(selector), range, Shifted(&selector.shift, selector))
    }
}

impl Display for Subquery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}:", self.inner, self.range)?;
        if let Some(step) = &self.step {
            step.fmt(f)?;
        }
        write!(f, "]{}", self.shift)
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}(", self.op.name(), self.grouping)?;
        if let Some(param) = &self.param {
            write!(f, "{param}, ")?;
        }
        write!(f, "{})", self.operand)
    }
}

impl Display for Grouping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = match (self.without, self.labels.is_empty()) {
            (true, _) => "without",
            (false, false) => "by",
            (false, true) => return Ok(()),
        };
        write!(f, " {word} ({}) ", Names(&self.labels))
    }
}

impl Display for Binary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.left.kind {
            // A sign would be one of the whole power.
            ExprKind::Number(number) if self.op == BinaryOp::Power && number.value == f64::INFINITY => {
                f.write_str("Inf")?;
            }
            _ => self.left.fmt(f)?,
        }
        write!(f, " {}", self.op.symbol())?;
        if self.returns_bool {
            f.write_str(" bool")?;
        }
        if let Some(matching) = &self.matching {
            matching.fmt(f)?;
        }
        write!(f, " {}", self.right)
    }
}

impl Display for Matching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let group = match self.cardinality {
            Cardinality::ManyToOne => Some("group_left"),
            Cardinality::OneToMany => Some("group_right"),
            Cardinality::OneToOne | Cardinality::ManyToMany => None,
        };
        if self.on || !self.labels.is_empty() || group.is_some() {
            write!(f, " {} ({})", if self.on { "on" } else { "ignoring" }, Names(&self.labels))?;
        }
        if let Some(group) = group {
            write!(f, " {group} ({})", Names(&self.include))?;
        }
        match (&self.fill_left, &self.fill_right) {
            (Some(left), Some(right)) if left == right => write!(f, " fill ({left})"),
            (left, right) => {
                if let Some(left) = left {
                    write!(f, " fill_left ({left})")?;
                }
                if let Some(right) = right {
                    write!(f, " fill_right ({right})")?;
                }
                Ok(())
            }
        }
    }
}

struct Names<'a>(&'a [String]);

impl Display for Names<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|name| LabelName(name)).collect();
        Separated(", ", &names).fmt(f)
    }
}

struct Separated<'a, T>(&'a str, &'a [T]);

impl<T: Display> Display for Separated<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, item) in self.1.iter().enumerate() {
            if index > 0 {
                f.write_str(self.0)?;
            }
            item.fmt(f)?;
        }
        Ok(())
    }
}
