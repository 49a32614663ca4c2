//! MovieLens (Harper and Konstan 2015): the zip archive as it comes, or the folder extracted from it.
//!
//! Owns the formats of `ratings.csv`, `movies.csv` and `links.csv`. Does not own what is made of them: the
//! kinds `ratings`, `popularity` and `reviews` do. Ratings are streamed; memory grows with the movies only.

pub(crate) mod links;
pub(crate) mod movies;
pub(crate) mod ratings;
pub(crate) mod source;
pub(crate) mod statistics;

/// Names under which the source is found in a folder.
pub(crate) const ACCEPTS: [&str; 4] = ["ml-latest*.zip", "ml-*.zip", "ml-latest*/", "ml-*/"];
