//! Slots of time: how long one is, which one a time is in, and where in the year it lies.
//!
//! Owns the numbering that the tables `popularity` and `windows` share. Slots are numbered from 1, the first of 1970, and hold
//! their end and not their beginning, so that the day of a time is `ceil(timestamp / 86400)`. All units are cut out of
//! days or divide them, so an hour lies in one day and a day in one week and one month. Time 0 is in slot 0 of every unit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlotUnit {
    /// An hour.
    Hour,
    /// A day, UTC.
    Day,
    /// A week, from Monday on.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months, from January on.
    Quarter,
    /// A calendar year.
    Year,
}

const HOUR_SECS: u32 = 3600;
const DAY_SECS: u32 = 86_400;
/// Day 1, 1970-01-01, was a Thursday, the fourth day of its week.
const DAYS_BEFORE: u32 = 3;
/// Days from 1970 to 2099, and day 0.
const DAYS: usize = 47_483;

impl SlotUnit {
    /// Its name, as parameters have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// The middle of a slot, in years of the common era: 2000.5 is the middle of 2000.
    pub fn year(self, slot: u32) -> f64 {
        // 400 Gregorian years have 146,097 days.
        const DAYS: f64 = 365.2425;
        let slot = f64::from(slot);
        1970.0
            + match self {
                Self::Hour => (slot - 0.5) / (24.0 * DAYS),
                Self::Day => (slot - 0.5) / DAYS,
                // Week 1 began on a Monday, three days before 1970.
                Self::Week => (7.0 * (slot - 0.5) - 3.0) / DAYS,
                Self::Month => (slot - 0.5) / 12.0,
                Self::Quarter => (slot - 0.5) / 4.0,
                Self::Year => slot - 0.5,
            }
    }

    /// The middle of a slot as a part of its week, from Monday on; none where a slot is no part of one.
    pub fn part_of_week(self, slot: u32) -> Option<f64> {
        let slot = f64::from(slot);
        let days = match self {
            Self::Hour => (slot - 0.5) / 24.0,
            Self::Day => slot - 0.5,
            Self::Week | Self::Month | Self::Quarter | Self::Year => return None,
        };
        Some((days + 3.0).rem_euclid(7.0) / 7.0)
    }
}

/// Gives the slot of a time.
#[derive(Debug)]
pub struct Slots {
    unit: SlotUnit,
    /// The month of each day, for calendar units.
    months: Vec<u16>,
}

impl Slots {
    /// Slots of a unit.
    pub fn new(unit: SlotUnit) -> Self {
        let calendar = matches!(unit, SlotUnit::Month | SlotUnit::Quarter | SlotUnit::Year);
        Self {
            unit,
            months: if calendar {
                months_of_days()
            } else {
                Vec::new()
            },
        }
    }

    /// The slot of a time in UTC seconds before 2100.
    ///
    /// # Panics
    /// If a later time is asked for in a calendar unit: whoever reads times refuses those.
    pub fn of(&self, timestamp: u32) -> u32 {
        let day = timestamp.div_ceil(DAY_SECS);
        let month = || u32::from(self.months[day as usize]);
        match self.unit {
            SlotUnit::Hour => timestamp.div_ceil(HOUR_SECS),
            SlotUnit::Day => day,
            // Day 0 was the last before 1970 and is kept apart, as in every unit.
            SlotUnit::Week if day == 0 => 0,
            SlotUnit::Week => (day + DAYS_BEFORE).div_ceil(7),
            SlotUnit::Month => month(),
            SlotUnit::Quarter => month().div_ceil(3),
            SlotUnit::Year => month().div_ceil(12),
        }
    }
}

/// The number of the month of every day from day 0 on; January 1970 is 1.
fn months_of_days() -> Vec<u16> {
    let mut months = Vec::with_capacity(DAYS);
    months.push(0);
    for year in 1970..2100_u16 {
        // 2000 is the only full century before 2100, and it was a leap year.
        let february = if year % 4 == 0 { 29 } else { 28 };
        let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (month, length) in (1..).zip(lengths) {
            months.extend(std::iter::repeat_n((year - 1970) * 12 + month, length));
        }
    }
    months
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [Slots; 6] {
        use SlotUnit::{Day, Hour, Month, Quarter, Week, Year};
        [Hour, Day, Week, Month, Quarter, Year].map(Slots::new)
    }

    fn slots(timestamp: u32) -> [u32; 6] {
        all().map(|slots| slots.of(timestamp))
    }

    #[test]
    fn a_slot_holds_its_end_and_not_its_beginning() {
        assert_eq!(slots(0), [0, 0, 0, 0, 0, 0]);
        assert_eq!(slots(1), [1, 1, 1, 1, 1, 1]);
        assert_eq!(slots(86_400), [24, 1, 1, 1, 1, 1]);
        // 1970-01-05 was a Monday.
        assert_eq!(slots(4 * 86_400), [96, 4, 1, 1, 1, 1]);
        assert_eq!(slots(4 * 86_400 + 1), [97, 5, 2, 1, 1, 1]);
        assert_eq!(slots(31 * 86_400 + 1), [745, 32, 5, 2, 1, 1]);
        // 2000-03-01 00:00:01, after a 29th of February: 30 years and 2 months after the beginning.
        assert_eq!(slots(951_868_801), [264_409, 11_018, 1575, 363, 121, 31]);
        // The last second before 2100.
        assert_eq!(
            slots(4_102_444_799),
            [1_139_568, 47_482, 6784, 1560, 520, 130]
        );
        assert_eq!(months_of_days().len(), DAYS);
    }

    #[test]
    fn later_times_never_have_earlier_slots() {
        let all = all();
        let mut before = [0; 6];
        for timestamp in (0..4_102_444_800_u32).step_by(999_983) {
            let now = all.each_ref().map(|slots| slots.of(timestamp));
            assert!(before.iter().zip(now).all(|(before, now)| *before <= now));
            before = now;
        }
    }

    #[test]
    fn slots_have_their_places_in_time() {
        // 1970-01-05, day 5, was a Monday.
        assert!((SlotUnit::Day.part_of_week(5).unwrap() - 0.5 / 7.0).abs() < 1e-12);
        assert!((SlotUnit::Hour.part_of_week(97).unwrap() - 0.5 / 168.0).abs() < 1e-12);
        assert_eq!(SlotUnit::Week.part_of_week(2), None);
        // The middle of 2018's third quarter, and slots that hold it (2018-08-15).
        for (unit, slot) in [
            (SlotUnit::Hour, 426_228),
            (SlotUnit::Day, 17_759),
            (SlotUnit::Week, 2538),
            (SlotUnit::Month, 584),
            (SlotUnit::Quarter, 195),
        ] {
            let year = unit.year(slot);
            assert!((year - 2018.625).abs() < 0.015, "{unit:?}: {year}");
        }
        assert_eq!(SlotUnit::Year.year(49), 2018.5);
    }
}
