//! The stage `report`: what a pipeline made, as one HTML page that a person looks at.
//!
//! Owns the page, its plots and tables, and the Markdown summary. Does not own any statistic: it
//! counts, and shows what earlier stages computed; it links neither LibTorch nor polars. Reads the
//! artifacts of any number of stages, the provenance that the runner hands it. Writes one folder:
//! `index.html` (self-contained, no network), `summary.md`, `tables/*.csv` with the exact numbers
//! behind the page, `plots/*.svg` and `*.png`.
//!
//! The same inputs give the same bytes: no clock, host or path is on the page.

pub mod compare;
mod count;
mod inputs;
mod metric;
mod number;
mod page;
mod plot;
mod render;
mod sections;
mod stage;
mod table;
mod text;

pub use stage::{ReportParams, kind};
