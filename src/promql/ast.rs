//! The tree of a query. Every node knows where it starts in the text; two nodes are equal when they mean the same,
//! wherever they stand.

use model::Matcher;

use crate::functions::Function;
use crate::position::Position;
use crate::value::ValueType;

#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    /// Where the expression starts.
    pub position: Position,
    /// Levels of the tree below and with this node; bounded by the parser, so that recursion over a tree is safe.
    height: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    Number(Number),
    /// The bytes of a string: escapes may spell what is not UTF-8.
    Text(Vec<u8>),
    Selector(Selector),
    Range(RangeSelector),
    Subquery(Box<Subquery>),
    Call(Call),
    Aggregate(Box<Aggregate>),
    Binary(Box<Binary>),
    Unary(Box<Unary>),
    Paren(Box<Expr>),
}

#[derive(Clone, Copy, Debug)]
pub struct Number {
    pub value: f64,
    /// Written as a duration (`5m` for 300).
    pub is_duration: bool,
}

/// `name{label="value"} offset 5m @ 1700000000`.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// The name before the braces; it is among the matchers too.
    pub name: Option<String>,
    pub matchers: Vec<Matcher>,
    pub shift: Shift,
    pub extension: Option<Extension>,
}

/// Where in time a selector or subquery looks, relative to the time of evaluation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shift {
    pub offset: Option<DurationExpr>,
    pub at: Option<At>,
}

/// The modifier `@`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Milliseconds since the epoch.
    Time(i64),
    Start,
    End,
}

/// The modifiers that extend a range beyond its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    Anchored,
    Smoothed,
}

/// `selector[5m]`.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeSelector {
    pub selector: Selector,
    pub range: DurationExpr,
}

/// `expr[1h:5m]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    pub inner: Expr,
    pub range: DurationExpr,
    /// `None` means the default step.
    pub step: Option<DurationExpr>,
    pub shift: Shift,
}

/// A duration that may be computed from numbers (seconds) and from the bounds of the query.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationExpr {
    Number(Number),
    /// `step()`: the step of the query.
    Step,
    /// `range()`: the time between start and end of the query.
    Range,
    Unary {
        negative: bool,
        operand: Box<DurationExpr>,
    },
    Binary {
        op: DurationOp,
        left: Box<DurationExpr>,
        right: Box<DurationExpr>,
    },
    MinOf(Box<DurationExpr>, Box<DurationExpr>),
    MaxOf(Box<DurationExpr>, Box<DurationExpr>),
    Paren(Box<DurationExpr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

#[derive(Clone, Debug)]
pub struct Call {
    pub function: &'static Function,
    pub args: Vec<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub op: AggregateOp,
    /// The first argument of the operators that have one (`topk`, `quantile`, `count_values`, …).
    pub param: Option<Expr>,
    pub operand: Expr,
    pub grouping: Grouping,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    /// `without (…)`: the labels are those that go; else (`by`, or nothing) those that stay.
    pub without: bool,
    pub labels: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateOp {
    Avg,
    BottomK,
    Count,
    CountValues,
    Group,
    LimitK,
    LimitRatio,
    Max,
    Min,
    Quantile,
    StdDev,
    StdVar,
    Sum,
    TopK,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    pub op: BinaryOp,
    pub left: Expr,
    pub right: Expr,
    /// Comparisons: answer 0 or 1 and do not filter.
    pub returns_bool: bool,
    /// Present exactly when both sides are vectors.
    pub matching: Option<Matching>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Atan2,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    And,
    Or,
    Unless,
    /// `</`: observations of a native histogram up to a value.
    TrimUpper,
    /// `>/`: observations of a native histogram from a value on.
    TrimLower,
}

/// How the series of the two sides of a binary operation find each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Matching {
    /// `on (…)`: only these labels count; else (`ignoring`, or nothing) all but these.
    pub on: bool,
    pub labels: Vec<String>,
    pub cardinality: Cardinality,
    /// Labels that the "one" side gives to the result.
    pub include: Vec<String>,
    /// Values for series that are missing on one side (`fill`, `fill_left`, `fill_right`).
    pub fill_left: Option<Number>,
    pub fill_right: Option<Number>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cardinality {
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
    /// Set operators.
    ManyToMany,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Unary {
    pub negative: bool,
    pub operand: Expr,
}

impl Expr {
    pub fn new(kind: ExprKind, position: Position) -> Self {
        let height = 1 + kind.children().map(|child| child.height).max().unwrap_or(0);
        Expr { kind, position, height }
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            ExprKind::Number(_) => ValueType::Scalar,
            ExprKind::Text(_) => ValueType::String,
            ExprKind::Selector(_) | ExprKind::Aggregate(_) => ValueType::Vector,
            ExprKind::Range(_) | ExprKind::Subquery(_) => ValueType::Matrix,
            ExprKind::Call(call) => call.function.returns,
            ExprKind::Binary(binary) => match (binary.left.value_type(), binary.right.value_type()) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
            ExprKind::Unary(unary) => unary.operand.value_type(),
            ExprKind::Paren(inner) => inner.value_type(),
        }
    }

    /// The expression without the parentheses around it.
    pub fn unwrapped(&self) -> &Expr {
        match &self.kind {
            ExprKind::Paren(inner) => inner.unwrapped(),
            _ => self,
        }
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl ExprKind {
    /// The expressions directly below, in the order of the text's evaluation.
    pub fn children(&self) -> impl Iterator<Item = &Expr> {
        let (first, second, rest): (Option<&Expr>, Option<&Expr>, &[Expr]) = match self {
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Selector(_) | ExprKind::Range(_) => (None, None, &[]),
            ExprKind::Subquery(subquery) => (Some(&subquery.inner), None, &[]),
            ExprKind::Call(call) => (None, None, &call.args),
            ExprKind::Aggregate(aggregate) => (aggregate.param.as_ref(), Some(&aggregate.operand), &[]),
            ExprKind::Binary(binary) => (Some(&binary.left), Some(&binary.right), &[]),
            ExprKind::Unary(unary) => (Some(&unary.operand), None, &[]),
            ExprKind::Paren(inner) => (Some(inner), None, &[]),
        };
        first.into_iter().chain(second).chain(rest)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        let both_nan = self.value.is_nan() && other.value.is_nan();
        (self.value == other.value || both_nan) && self.is_duration == other.is_duration
    }
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name && self.args == other.args
    }
}

impl Matching {
    pub fn is_many_to_many(&self) -> bool {
        self.cardinality == Cardinality::ManyToMany
    }
}

impl AggregateOp {
    pub fn of_name(name: &str) -> Option<Self> {
        const ALL: [AggregateOp; 14] = [
            AggregateOp::Avg,
            AggregateOp::BottomK,
            AggregateOp::Count,
            AggregateOp::CountValues,
            AggregateOp::Group,
            AggregateOp::LimitK,
            AggregateOp::LimitRatio,
            AggregateOp::Max,
            AggregateOp::Min,
            AggregateOp::Quantile,
            AggregateOp::StdDev,
            AggregateOp::StdVar,
            AggregateOp::Sum,
            AggregateOp::TopK,
        ];
        ALL.into_iter().find(|op| op.name().eq_ignore_ascii_case(name))
    }

    pub fn name(self) -> &'static str {
        match self {
            AggregateOp::Avg => "avg",
            AggregateOp::BottomK => "bottomk",
            AggregateOp::Count => "count",
            AggregateOp::CountValues => "count_values",
            AggregateOp::Group => "group",
            AggregateOp::LimitK => "limitk",
            AggregateOp::LimitRatio => "limit_ratio",
            AggregateOp::Max => "max",
            AggregateOp::Min => "min",
            AggregateOp::Quantile => "quantile",
            AggregateOp::StdDev => "stddev",
            AggregateOp::StdVar => "stdvar",
            AggregateOp::Sum => "sum",
            AggregateOp::TopK => "topk",
        }
    }

    pub fn has_param(self) -> bool {
        matches!(
            self,
            AggregateOp::BottomK
                | AggregateOp::CountValues
                | AggregateOp::LimitK
                | AggregateOp::LimitRatio
                | AggregateOp::Quantile
                | AggregateOp::TopK
        )
    }
}

impl BinaryOp {
    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            BinaryOp::Equal
                | BinaryOp::NotEqual
                | BinaryOp::Greater
                | BinaryOp::Less
                | BinaryOp::GreaterOrEqual
                | BinaryOp::LessOrEqual
        )
    }

    pub fn is_set(self) -> bool {
        matches!(self, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless)
    }

    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::Modulo => "%",
            BinaryOp::Power => "^",
            BinaryOp::Atan2 => "atan2",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Greater => ">",
            BinaryOp::Less => "<",
            BinaryOp::GreaterOrEqual => ">=",
            BinaryOp::LessOrEqual => "<=",
            BinaryOp::And => "and",
            BinaryOp::Or => "or",
            BinaryOp::Unless => "unless",
            BinaryOp::TrimUpper => "</",
            BinaryOp::TrimLower => ">/",
        }
    }
}

impl DurationOp {
    pub fn symbol(self) -> &'static str {
        match self {
            DurationOp::Add => "+",
            DurationOp::Subtract => "-",
            DurationOp::Multiply => "*",
            DurationOp::Divide => "/",
            DurationOp::Modulo => "%",
            DurationOp::Power => "^",
        }
    }
}
