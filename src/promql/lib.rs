//! Parser and evaluator of PromQL.
