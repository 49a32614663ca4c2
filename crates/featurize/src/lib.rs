//! Turns tables into what networks read: reviews into ids.
//!
//! Owns cleaning, words, the split by movie, the vocabulary and the encoder. Does not own the
//! tables' schemas nor the encoder's file format (`cinescore_artifact`), nor any network.
//!
//! [`encode::Encoder`] is the one function that turns a text into ids, for the table of a training
//! as for a single review years later: [`Encoder::from_json`](encode::Encoder::from_json) makes it
//! from the `encoder.json` that a bundle keeps.

pub mod clean;
pub mod count;
pub mod encode;
pub mod preprocess;
pub mod split;
pub mod text;
pub mod vocabulary;
pub mod words;
