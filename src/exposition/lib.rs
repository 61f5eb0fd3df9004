//! The text that Prometheus scrapes: metric families, the page that collectors write, its two dialects (text 0.0.4 and
//! OpenMetrics 1.0), content negotiation and the parser of what others write.

mod assemble;
mod comment;
mod compress;
mod cursor;
mod family;
mod label_text;
mod metric_type;
mod negotiate;
mod number;
mod openmetrics;
mod page;
mod parse;
mod series;

#[cfg(test)]
mod parse_tests;

pub use assemble::{Assembled, Dialect, assemble};
pub use compress::{GunzipError, Gzip, gunzip};
pub use family::{Family, Kind, counter, gauge, untyped};
pub use label_text::LabelText;
pub use metric_type::MetricType;
pub use negotiate::{ContentTypeError, Negotiated, dialect_of, negotiate};
pub use page::{Label, Page};
pub use parse::{Entry, ParseError, Parser, Reason, SampleLine};
pub use series::{Series, unescape};
