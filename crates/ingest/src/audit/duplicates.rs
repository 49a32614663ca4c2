//! Texts that are there twice, to the letter or nearly.
//!
//! Near duplicates are found by one-permutation MinHash (Li, Owen and Zhang 2012) over runs of five words: texts
//! that share a band of four of 64 minima are compared exactly, by the Jaccard index of their runs. Two texts of
//! index 0.8 share one of 16 bands with probability 0.9998.

use std::collections::{BTreeMap, BTreeSet};

use cinescore_artifact::Digest;
use rayon::prelude::*;

use super::{Finding, Row, Severity};

/// Words of a run.
const RUN: usize = 5;
/// Minima of a sketch, and of a band of it.
const BINS: usize = 64;
const BAND: usize = 4;
/// Texts of one band that are compared with each other at most: more are a form letter, and their neighbours in
/// the table are enough.
const BAND_TEXTS: usize = 50;

/// Pairs of texts that are equal to the letter: each copy after the first with one before it.
pub(super) fn exact(rows: &[Row]) -> Vec<Finding> {
    // The first copy in each split, in the order of the table: a few places, however many copies there are.
    let mut firsts: BTreeMap<Digest, Vec<usize>> = BTreeMap::new();
    let digests: Vec<Digest> = rows
        .par_iter()
        .map(|row| Digest::of_bytes(row.text.as_bytes()))
        .collect();
    let mut findings = Vec::new();
    for (place, digest) in digests.into_iter().enumerate() {
        let row = &rows[place];
        let firsts = firsts.entry(digest).or_default();
        // The first of all may be unlabelled or in the same split, and would hide that two splits share the text.
        let leaking = firsts
            .iter()
            .find(|first| labelled(&rows[**first]) && rows[**first].split != row.split);
        if let Some(before) = leaking.or(firsts.first()) {
            findings.push(pair("exact_duplicates", &rows[*before], row, 1.0));
        }
        if firsts.iter().all(|first| rows[*first].split != row.split) {
            firsts.push(place);
        }
    }
    findings
}

/// Pairs of texts that are nearly equal, and not equal.
pub(super) fn near(rows: &[Row], similarity: f64) -> Vec<Finding> {
    let runs: Vec<Vec<u64>> = rows.par_iter().map(|row| runs(&row.text)).collect();
    let sketches: Vec<[u64; BINS]> = runs.par_iter().map(|runs| sketch(runs)).collect();
    let mut pairs: BTreeSet<(usize, usize)> = BTreeSet::new();
    for band in 0..BINS / BAND {
        let mut texts: BTreeMap<&[u64], Vec<usize>> = BTreeMap::new();
        for (place, sketch) in sketches.iter().enumerate() {
            if !runs[place].is_empty() {
                let band = &sketch[band * BAND..(band + 1) * BAND];
                texts.entry(band).or_default().push(place);
            }
        }
        for places in texts.into_values() {
            for (index, a) in places.iter().enumerate() {
                for b in places.iter().skip(index + 1).take(BAND_TEXTS) {
                    pairs.insert((*a, *b));
                }
            }
        }
    }
    let pairs: Vec<(usize, usize)> = pairs.into_iter().collect();
    pairs
        .into_par_iter()
        .filter_map(|(a, b)| {
            let index = jaccard(&runs[a], &runs[b]);
            let nearly = index >= similarity && rows[a].text != rows[b].text;
            nearly.then(|| pair("near_duplicates", &rows[a], &rows[b], index))
        })
        .collect()
}

fn labelled(row: &Row) -> bool {
    row.split != "unlabelled"
}

fn pair(check: &'static str, a: &Row, b: &Row, value: f64) -> Finding {
    let across = a.split != b.split;
    let severity = match across && labelled(a) && labelled(b) {
        true => Severity::Leak,
        false => Severity::Warning,
    };
    let split = if across {
        format!("{}, {}", a.split, b.split)
    } else {
        a.split.clone()
    };
    let how = if value < 1.0 {
        "nearly the same text"
    } else {
        "the same text"
    };
    Finding {
        check,
        severity,
        split,
        subject: a.id.to_string(),
        reviews: [Some(a.id), Some(b.id)],
        value,
        text: format!(
            "reviews {} ({}) and {} ({}) have {how}",
            a.id, a.split, b.id, b.split
        ),
    }
}

/// The hashes of a text's runs of words, sorted, each once; lower case, without punctuation.
fn runs(text: &str) -> Vec<u64> {
    let words: Vec<u64> = text
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            word.to_lowercase()
                .bytes()
                .fold(1, |hash, byte| mix(hash ^ u64::from(byte)))
        })
        .collect();
    let mut runs: Vec<u64> = words
        .windows(RUN)
        .map(|run| run.iter().fold(7, |hash, word| mix(hash ^ word)))
        .collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

/// The least hash in each of the bins; that of the next bin where one is empty.
fn sketch(runs: &[u64]) -> [u64; BINS] {
    let mut least = [u64::MAX; BINS];
    for run in runs {
        let bin = &mut least[(run >> 58) as usize];
        *bin = (*run).min(*bin);
    }
    let found = least;
    for bin in 0..BINS {
        let next = (0..BINS).map(|step| found[(bin + step) % BINS]);
        least[bin] = next
            .into_iter()
            .find(|hash| *hash != u64::MAX)
            .unwrap_or(u64::MAX);
    }
    least
}

/// The share of common ones among all; both are sorted.
fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let common = a
        .iter()
        .filter(|hash| b.binary_search(hash).is_ok())
        .count();
    common as f64 / (a.len() + b.len() - common).max(1) as f64
}

/// A step of the SplitMix64 generator's mixing.
fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (value ^ value >> 31).wrapping_add(0x9e37_79b9_7f4a_7c15)
}
