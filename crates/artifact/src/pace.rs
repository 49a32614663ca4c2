//! How fast counted work goes and how long it will still take, for people.

use std::time::Instant;

/// Watches a count of work. A change of unit begins anew.
#[derive(Debug, Default)]
pub struct Pace {
    began: Option<(Instant, u64, String)>,
}

/// How fast and how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    /// Units a second since the count began.
    pub per_sec: f64,
    /// Seconds until everything is done, where the total is known and something was done.
    pub left_secs: Option<f64>,
}

impl Pace {
    /// The speed now that so much is done.
    pub fn speed(&mut self, done: u64, total: Option<u64>, unit: &str) -> Speed {
        self.speed_at(Instant::now(), done, total, unit)
    }

    fn speed_at(&mut self, now: Instant, done: u64, total: Option<u64>, unit: &str) -> Speed {
        let began = match &self.began {
            Some((since, first, known)) if known == unit => (*since, *first),
            _ => {
                self.began = Some((now, done, unit.to_owned()));
                (now, done)
            }
        };
        let per_sec = done.saturating_sub(began.1) as f64 / (now - began.0).as_secs_f64().max(1e-9);
        let left_secs = total
            .filter(|_| per_sec > 0.0)
            .map(|total| total.saturating_sub(done) as f64 / per_sec);
        Speed { per_sec, left_secs }
    }
}

impl Speed {
    /// `120 reviews/s, 3 min 20 s left`.
    pub fn shown(&self, unit: &str) -> String {
        let left = self
            .left_secs
            .map_or(String::new(), |secs| format!(", {} left", duration(secs)));
        format!("{:.0} {unit}/s{left}", self.per_sec)
    }
}

/// Seconds as `1 h 02 min`, `3 min 20 s` or `12 s`.
pub fn duration(secs: f64) -> String {
    let secs = secs.round() as u64;
    match secs {
        3600.. => format!("{} h {:02} min", secs / 3600, secs % 3600 / 60),
        60.. => format!("{} min {:02} s", secs / 60, secs % 60),
        _ => format!("{secs} s"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn speed_and_time_left() {
        let mut pace = Pace::default();
        let start = Instant::now();
        assert_eq!(
            pace.speed_at(start, 0, Some(100), "reviews").left_secs,
            None
        );
        let speed = pace.speed_at(start + Duration::from_secs(2), 20, Some(100), "reviews");
        assert_eq!(
            speed,
            Speed {
                per_sec: 10.0,
                left_secs: Some(8.0)
            }
        );
        assert_eq!(speed.shown("reviews"), "10 reviews/s, 8 s left");
        assert_eq!(pace.speed_at(start, 5, None, "bytes").per_sec, 0.0);
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(
            [12.4, 200.0, 3720.0].map(duration),
            ["12 s", "3 min 20 s", "1 h 02 min"].map(String::from)
        );
    }
}
