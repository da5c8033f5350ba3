//! PostgreSQL.
mod codec;
