//! What a stage says while it works: lines of JSON out of a pipe.
//!
//! Owns the patience for it: lines that are no event are skipped, and a flood of events is thinned, so that
//! neither the terminal nor the runner drowns in it.

use std::time::{Duration, Instant};

use cinescore_artifact::task::Event;

/// A longer line is no event, bytes.
const LONGEST_LINE: usize = 64 * 1024;
/// A longer message is cut, characters.
const LONGEST_MESSAGE: usize = 500;
/// Progress is passed on at most so often.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);
/// So many lines may come at once ...
const LINES_AT_ONCE: u32 = 200;
/// ... and then one for each such while.
const LINE_EVERY: Duration = Duration::from_millis(50);

/// Puts lines together and passes events on.
pub(super) struct Events<'a> {
    pass_on: &'a (dyn Fn(&Event) + Sync),
    pending: Vec<u8>,
    /// The line that is being read is too long and is skipped to its end.
    skipping: bool,
    progress: Option<Instant>,
    /// Lines that may still be passed on, as of a moment.
    allowance: (u32, Instant),
    left_out: u64,
}

impl<'a> Events<'a> {
    pub(super) fn new(pass_on: &'a (dyn Fn(&Event) + Sync)) -> Self {
        Self {
            pass_on,
            pending: Vec::new(),
            skipping: false,
            progress: None,
            allowance: (LINES_AT_ONCE, Instant::now()),
            left_out: 0,
        }
    }

    /// Takes bytes as they come out of the pipe.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let is_whole = piece.ends_with(b"\n");
            if !self.skipping {
                self.pending.extend_from_slice(piece);
                self.skipping = self.pending.len() > LONGEST_LINE;
            }
            if is_whole {
                if !self.skipping {
                    self.line(Instant::now());
                }
                self.skipping = false;
                self.pending.clear();
            } else if self.skipping {
                self.pending.clear();
            }
        }
    }

    /// How many events were not passed on because there were too many.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    fn line(&mut self, now: Instant) {
        let Ok(event) = serde_json::from_slice::<Event>(&self.pending) else {
            return;
        };
        let event = match event {
            Event::Progress {
                done,
                total,
                unit,
                message,
            } => {
                // The next one says it better.
                if self
                    .progress
                    .is_some_and(|before| now - before < PROGRESS_EVERY)
                {
                    return;
                }
                self.progress = Some(now);
                Event::Progress {
                    done,
                    total,
                    unit: plain(&unit),
                    message: plain(&message),
                }
            }
            Event::Step { message } if self.may_pass(now) => Event::Step {
                message: plain(&message),
            },
            Event::Warning { message } if self.may_pass(now) => Event::Warning {
                message: plain(&message),
            },
            Event::Step { .. } | Event::Warning { .. } => {
                self.left_out += 1;
                return;
            }
        };
        (self.pass_on)(&event);
    }

    fn may_pass(&mut self, now: Instant) -> bool {
        let (left, since) = self.allowance;
        let earned = (now - since).as_millis() / LINE_EVERY.as_millis();
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        if earned > 0 {
            self.allowance = (left.saturating_add(earned).min(LINES_AT_ONCE), now);
        }
        if self.allowance.0 == 0 {
            return false;
        }
        self.allowance.0 -= 1;
        true
    }
}

/// A stage's text for a terminal: no control characters, not endless.
pub(super) fn plain(text: &str) -> String {
    let mut plain: String = text
        .chars()
        .take(LONGEST_MESSAGE)
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect();
    if text.chars().nth(LONGEST_MESSAGE).is_some() {
        plain.push('…');
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn heard(pieces: &[&[u8]]) -> (Vec<Event>, u64) {
        let heard = Mutex::new(Vec::new());
        let pass_on = |event: &Event| heard.lock().unwrap().push(event.clone());
        let mut events = Events::new(&pass_on);
        for piece in pieces {
            events.take(piece);
        }
        let left_out = events.left_out();
        (heard.into_inner().unwrap(), left_out)
    }

    fn step(message: &str) -> Event {
        Event::Step {
            message: message.into(),
        }
    }

    #[test]
    fn lines_are_put_together_and_nonsense_is_skipped() {
        let (events, _) = heard(&[
            b"no event\n{\"event\":\"st",
            b"ep\",\"message\":\"a\\u001b[2J\"}\n\xff\xfe\n{\"event\":\"step\",\"message\":\"b\"}\n",
        ]);
        assert_eq!(events, [step("a\u{fffd}[2J"), step("b")]);
    }

    #[test]
    fn an_endless_line_is_skipped_to_its_end() {
        let endless = vec![b'x'; 3 * LONGEST_LINE];
        let (events, _) = heard(&[
            &endless,
            b"tail\n{\"event\":\"step\",\"message\":\"after\"}\n",
        ]);
        assert_eq!(events, [step("after")]);
    }

    #[test]
    fn a_flood_is_thinned_and_counted() {
        let line = b"{\"event\":\"step\",\"message\":\"a\"}\n".repeat(100_000);
        let (events, left_out) = heard(&[&line]);
        assert!(events.len() >= LINES_AT_ONCE as usize);
        assert_eq!(events.len() as u64 + left_out, 100_000);
        assert!(left_out > 90_000, "{left_out}");
    }
}
