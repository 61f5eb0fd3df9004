//! Head, write-ahead log, chunk files, retention.
