//! Holds no code: see its `Cargo.toml`.
