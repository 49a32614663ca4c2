//! Turns tables into what networks read: reviews into ids, bags of words and word vectors, ratings into windows.
//!
//! Owns cleaning, tokens, splits and folds, vocabularies and encoders. Does not own the tables' schemas
//! nor the encoder's file format (`cinescore_artifact`), nor any network.
//!
//! [`encode::Encoder`] is the one function that turns a text into ids, for the table of a training
//! as for a single review years later: [`Encoder::from_json`](encode::Encoder::from_json) makes it
//! from the `encoder.json` that a bundle keeps.
//!
//! Every text has a result: an empty one, one of stop words alone, one of controls or emoji has no
//! terms, and its list is `[start]`; one word of 10 MB is a word; right-to-left text is taken in the
//! order of its bytes. A lone surrogate cannot be in a text: JSON that has one is refused where it is
//! read, and what other readers put in its place (`U+FFFD`) divides words and is no part of one.

pub mod bags;
pub mod buckets;
pub mod classes;
pub mod clean;
pub mod count;
pub mod counted;
mod division;
pub mod encode;
pub mod folds;
pub mod lengths;
pub mod lists;
pub mod params;
mod prefetch;
pub mod preprocess;
mod reviews;
pub mod split;
pub mod terms;
pub mod text;
pub mod token;
pub mod token_map;
pub mod tokenize;
pub mod vectors;
pub mod vocabulary;
pub mod windows;
