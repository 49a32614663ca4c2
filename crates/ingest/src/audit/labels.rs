//! Labels: whether score and polarity agree, how the classes are balanced, and whether the label can be told
//! without reading the text.

use std::collections::BTreeMap;

use super::{Finding, Row, Severity};

/// A class of less than this share is worth a warning.
const RARE: f64 = 0.2;
/// Ranges that ids are cut into, and the divisors that their remainders are taken by.
const RANGES: usize = 32;
const DIVISORS: [u64; 5] = [2, 3, 5, 8, 10];
/// Standard deviations above chance from which the label counts as predictable; the checks are few.
const SURE: f64 = 6.0;
/// Fewer rows say nothing.
const FEWEST: usize = 100;

/// Reviews whose score says another polarity.
pub(super) fn contradictions(rows: &[Row]) -> Vec<Finding> {
    let contradicts = |row: &&Row| {
        matches!(
            (row.score, row.polarity),
            (Some(1..=4), Some(1)) | (Some(7..), Some(0))
        )
    };
    rows.iter()
        .filter(contradicts)
        .map(|row| {
            let (score, polarity) = (row.score.unwrap_or(0), row.polarity.unwrap_or(0));
            Finding {
                check: "score_contradicts_polarity",
                severity: Severity::Warning,
                split: row.split.clone(),
                subject: row.id.to_string(),
                reviews: [Some(row.id), None],
                value: score.into(),
                text: format!(
                    "review {} has {score} stars and polarity {polarity}",
                    row.id
                ),
            }
        })
        .collect()
}

/// The share of positive reviews of each split.
pub(super) fn balance(rows: &[Row]) -> Vec<Finding> {
    let mut counts: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for row in rows {
        if let Some(polarity) = row.polarity {
            counts.entry(&row.split).or_default()[usize::from(polarity.min(1))] += 1;
        }
    }
    counts
        .into_iter()
        .map(|(split, [negative, positive])| {
            let all = negative + positive;
            let share = positive as f64 / all as f64;
            let severity = match (RARE..=1.0 - RARE).contains(&share) {
                true => Severity::Note,
                false => Severity::Warning,
            };
            Finding {
                check: "class_balance",
                severity,
                split: split.to_owned(),
                subject: "positive".into(),
                reviews: [None; 2],
                value: share,
                text: format!("{positive} of {all} labelled reviews of `{split}` are positive"),
            }
        })
        .collect()
}

/// Whether the polarity can be told from the review's number, or from the reviews beside it in the table.
pub(super) fn predictable(rows: &[Row]) -> Vec<Finding> {
    let labels: Vec<(u64, usize)> = rows
        .iter()
        .filter_map(|row| Some((row.id, usize::from(row.polarity?.min(1)))))
        .collect();
    if labels.len() < FEWEST {
        return Vec::new();
    }
    let mut ways: Vec<(&'static str, String, f64)> = vec![(
        "predictable_from_id",
        "the range of its number".into(),
        by_groups(&labels, |place, _| place * RANGES / labels.len()),
    )];
    for divisor in DIVISORS {
        let accuracy = by_groups(&labels, |_, id| (id % divisor) as usize);
        let what = format!("the remainder of its number by {divisor}");
        ways.push(("predictable_from_id", what, accuracy));
    }
    let mut ordered = Vec::with_capacity(labels.len());
    for (place, (id, label)) in labels.iter().enumerate().skip(1) {
        ordered.push((*id, *label, labels[place - 1].1));
    }
    let same = ordered.iter().filter(|(_, label, before)| label == before);
    let agree = same.count() as f64 / ordered.len() as f64;
    ways.push((
        "predictable_from_order",
        "that of the review before it".into(),
        agree.max(1.0 - agree),
    ));

    let positive = labels.iter().filter(|(_, label)| *label == 1).count() as f64;
    let share = positive / labels.len() as f64;
    let chance = share.max(1.0 - share);
    let beside = share * share + (1.0 - share) * (1.0 - share);
    let deviation = 0.5 / (labels.len() as f64).sqrt();
    ways.into_iter()
        .map(|(check, what, accuracy)| {
            // Neighbours agree by chance as often as two draws do, and half of the rows are guessed by groups.
            let (expected, deviation) = match check {
                "predictable_from_order" => (beside.max(1.0 - beside), deviation),
                _ => (chance, deviation * std::f64::consts::SQRT_2),
            };
            let severity = match accuracy > expected + SURE * deviation {
                true => Severity::Leak,
                false => Severity::Note,
            };
            Finding {
                check,
                severity,
                split: String::new(),
                subject: what.clone(),
                reviews: [None; 2],
                value: accuracy,
                text: format!(
                    "the polarity is told by {what} in {accuracy:.3} of cases; by chance in {expected:.3}"
                ),
            }
        })
        .collect()
}

/// How often the commoner label of its group, learnt on every second row, is that of the other rows.
fn by_groups(labels: &[(u64, usize)], group: impl Fn(usize, u64) -> usize) -> f64 {
    let mut counts: BTreeMap<usize, [u64; 2]> = BTreeMap::new();
    let (mut right, mut all) = (0_u64, 0_u64);
    for (place, (id, label)) in labels.iter().enumerate().step_by(2) {
        counts.entry(group(place, *id)).or_default()[*label] += 1;
    }
    for (place, (id, label)) in labels.iter().enumerate().skip(1).step_by(2) {
        let [negative, positive] = counts.get(&group(place, *id)).copied().unwrap_or_default();
        right += u64::from(usize::from(positive > negative) == *label);
        all += 1;
    }
    right as f64 / all.max(1) as f64
}
