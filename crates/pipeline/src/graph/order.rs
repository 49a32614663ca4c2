//! An order in which stages can run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::Stage;

/// The stages, each after those it needs and otherwise as given (Kahn 1962), and the names of those
/// that stand in a circle or below one. What a stage needs and is not there does not hold it back.
pub(super) fn order(stages: Vec<Stage>) -> (Vec<Stage>, Vec<String>) {
    let index_of: BTreeMap<&str, usize> = stages
        .iter()
        .enumerate()
        .map(|(index, stage)| (stage.name.as_str(), index))
        .collect();
    let mut needed_by = vec![Vec::new(); stages.len()];
    let mut missing = vec![0_usize; stages.len()];
    for (index, stage) in stages.iter().enumerate() {
        for need in stage.needs() {
            if let Some(&need) = index_of.get(need) {
                needed_by[need].push(index);
                missing[index] += 1;
            }
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> = missing
        .iter()
        .enumerate()
        .filter(|(_, missing)| **missing == 0)
        .map(|(index, _)| Reverse(index))
        .collect();
    let mut order = Vec::with_capacity(stages.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(index);
        for &below in &needed_by[index] {
            missing[below] -= 1;
            if missing[below] == 0 {
                ready.push(Reverse(below));
            }
        }
    }
    let circle = missing
        .iter()
        .enumerate()
        .filter(|(_, missing)| **missing > 0)
        .map(|(index, _)| stages[index].name.clone())
        .collect();
    let mut stages: Vec<Option<Stage>> = stages.into_iter().map(Some).collect();
    let ordered = order
        .into_iter()
        .filter_map(|index| stages[index].take())
        .collect();
    (ordered, circle)
}
