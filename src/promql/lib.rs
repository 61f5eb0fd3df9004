//! PromQL: `parse` reads a query, `instant` and `range` answer it from any `model::Storage`.
//!
//! Results are Prometheus', to the bit except for the last digits of logarithms, exponentials and trigonometry; so are
//! the texts of errors and annotations. What this engine does not compute it refuses with `QueryError::Unsupported`; it
//! never answers a different value.

pub mod ast;
mod display;
mod duration_expr;
mod error;
mod eval;
mod float_text;
mod functions;
mod lexer;
mod memory;
mod options;
mod parser;
mod position;
mod quote;
mod token;
mod value;

pub use ast::Expr;
pub use error::{ErrorType, ParseError, QueryError};
pub use eval::{instant, range};
pub use functions::{Arity, Function};
pub use memory::{Lease, MemoryPool, MemoryTaken};
pub use options::QueryOptions;
pub use parser::{MAX_HEIGHT, parse, parse_selector};
pub use position::Position;
pub use value::{Outcome, QueryStats, Series, Value, ValueType, VectorSample};
