//! What the end-to-end tests stand on: the built programs, a project of one's own to run them in, and a browser.
//!
//! Owns how a test finds and starts a program and what it sees of its end. Does not own any
//! expectation (`it/`). The tests see the programs as a user does: command lines, files, exit codes.

mod browser;
mod ended;
mod programs;
mod project;
mod real;

pub use browser::Browser;
pub use ended::Ended;
pub use programs::program;
pub use project::Project;
pub use real::real_data;
