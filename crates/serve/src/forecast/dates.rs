//! The names of slots: `2018-Q3`, `2018-09`, `2018-09-24`.

use cinescore_artifact::slots::SlotUnit;
use jiff::ToSpan as _;
use jiff::civil::date;

/// A slot as people name it; of hours and weeks the one that begins so. Beyond the calendar its number.
pub fn label(unit: SlotUnit, slot: u32) -> String {
    let before = i64::from(slot) - 1;
    let begin = date(1970, 1, 1).at(0, 0, 0, 0);
    let moved = match unit {
        SlotUnit::Hour => begin.checked_add(before.hours()),
        SlotUnit::Day => begin.checked_add(before.days()),
        // Week 1 began on a Monday, three days before 1970.
        SlotUnit::Week => begin.checked_add((before * 7 - 3).days()),
        SlotUnit::Month => begin.checked_add(before.months()),
        SlotUnit::Quarter => begin.checked_add((before * 3).months()),
        SlotUnit::Year => begin.checked_add(before.years()),
    };
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
        assert_eq!(
            label(SlotUnit::Year, u32::MAX),
            format!("year {}", u32::MAX)
        );
    }
}
