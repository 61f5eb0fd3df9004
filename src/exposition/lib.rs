//! The text that Prometheus scrapes: metric families, the page that collectors write, its two dialects (text 0.0.4 and
//! OpenMetrics 1.0), content negotiation and the parser of what others write.

mod assemble;
mod family;
mod label_text;
mod page;

pub use assemble::{Assembled, Dialect, assemble};
pub use family::{Family, Kind, counter, gauge, untyped};
pub use label_text::LabelText;
pub use page::{Label, Page};
