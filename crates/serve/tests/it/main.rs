//! Everything between a bundle and its ratings, by the library and by the program.
#![expect(
    clippy::unwrap_used,
    reason = "a test that fails should fail at once, with the error"
)]

mod bundle;
mod evaluate;
mod export;
mod file;
mod file_jobs;
mod flags;
mod forecast;
mod http;
mod http_client;
mod http_faults;
mod http_load;
mod http_page;
mod place;
mod predictor;
mod shards;
mod text;
