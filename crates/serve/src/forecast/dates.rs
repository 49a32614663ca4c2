//! The names of slots: `2018-Q3`, `2018-09`, `2018-09-24`.

use cinescore_artifact::slots::SlotUnit;
use jiff::Span;
use jiff::civil::date;

/// A slot as people name it; of hours and weeks the one that begins so. Beyond the calendar its number.
pub fn label(unit: SlotUnit, slot: u32) -> String {
    let before = i64::from(slot) - 1;
    // A span has bounds of its own, far beyond the calendar's.
    let span = Span::new();
    let span = match unit {
        SlotUnit::Hour => span.try_hours(before),
        SlotUnit::Day => span.try_days(before),
        // Week 1 began on a Monday, three days before 1970.
        SlotUnit::Week => span.try_days(before * 7 - 3),
        SlotUnit::Month => span.try_months(before),
        SlotUnit::Quarter => span.try_months(before * 3),
        SlotUnit::Year => span.try_years(before),
    };
    let begin = date(1970, 1, 1).at(0, 0, 0, 0);
    let moved = span.and_then(|span| begin.checked_add(span));
    let Ok(at) = moved else {
        return format!("{} {slot}", unit.name());
    };
    match unit {
        SlotUnit::Hour => at.strftime("%Y-%m-%d %Hh").to_string(),
        SlotUnit::Day | SlotUnit::Week => at.date().to_string(),
        SlotUnit::Month => at.strftime("%Y-%m").to_string(),
        SlotUnit::Quarter => format!("{}-Q{}", at.year(), (at.month() + 2) / 3),
        SlotUnit::Year => at.year().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cinescore_artifact::slots::Slots;

    #[test]
    fn a_slot_has_the_name_of_what_lies_in_it() {
        // 2018-09-24 14:27:30 UTC, the last rating of ml-latest-small, on a Monday.
        let time = 1_537_799_250;
        let named = |unit| label(unit, Slots::new(unit).of(time));
        assert_eq!(named(SlotUnit::Hour), "2018-09-24 14h");
        assert_eq!(named(SlotUnit::Day), "2018-09-24");
        assert_eq!(named(SlotUnit::Week), "2018-09-24");
        assert_eq!(named(SlotUnit::Month), "2018-09");
        assert_eq!(named(SlotUnit::Quarter), "2018-Q3");
        assert_eq!(named(SlotUnit::Year), "2018");
        assert_eq!(label(SlotUnit::Quarter, 1), "1970-Q1");
        let all = [
            SlotUnit::Hour,
            SlotUnit::Day,
            SlotUnit::Week,
            SlotUnit::Month,
            SlotUnit::Quarter,
            SlotUnit::Year,
        ];
        for unit in all {
            let beyond = format!("{} {}", unit.name(), u32::MAX);
            assert_eq!(label(unit, u32::MAX), beyond);
            // No slot is before the first.
            assert!(label(unit, 0).starts_with("19"), "{}", label(unit, 0));
        }
    }
}
