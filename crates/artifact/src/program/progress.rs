//! Progress of a stage: as events to the runner, as a bar on a terminal, as plain lines elsewhere.

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::pace::Pace;
use crate::task::{EVENTS_VARIABLE, Event};

/// How often progress is passed on at most.
const PASS_ON_EVERY: Duration = Duration::from_millis(200);
/// How often a plain line is printed at most.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Where a stage's progress goes. Cheap to call often: it passes on a few a second.
pub struct Progress {
    sink: Mutex<Sink>,
}

struct Sink {
    target: Target,
    passed_on: Option<Instant>,
    pace: Pace,
}

enum Target {
    Events(File),
    Bar(ProgressBar),
    Lines,
    Nowhere,
}

impl Progress {
    /// Events on the file descriptor that the runner named, if it named one; else plain lines.
    pub(super) fn for_runner() -> Self {
        let events = std::env::var(EVENTS_VARIABLE)
            .ok()
            .and_then(|number| number.parse::<u32>().ok())
            // Opening by name needs no unsafe hand-over of a raw descriptor.
            .and_then(|number| {
                OpenOptions::new()
                    .write(true)
                    .open(format!("/dev/fd/{number}"))
                    .ok()
            });
        Self::to(events.map_or(Target::Lines, Target::Events))
    }

    /// A bar on a terminal, plain lines elsewhere.
    pub(super) fn for_person() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::to(Target::Lines);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        Self::to(Target::Bar(bar))
    }

    /// Nowhere, for tests and libraries.
    pub fn silent() -> Self {
        Self::to(Target::Nowhere)
    }

    fn to(target: Target) -> Self {
        // The first line comes after a while, when there is a speed to tell.
        let passed_on = matches!(target, Target::Lines).then(Instant::now);
        Self {
            sink: Mutex::new(Sink {
                target,
                passed_on,
                pace: Pace::default(),
            }),
        }
    }

    /// Passes on how far the work is. A change of `unit` begins a new count.
    pub fn update(&self, done: u64, total: Option<u64>, unit: &str, message: &str) {
        let Ok(mut sink) = self.sink.lock() else {
            return;
        };
        let now = Instant::now();
        let speed = sink.pace.speed(done, total, unit);
        let every = if matches!(sink.target, Target::Lines) {
            LINE_EVERY
        } else {
            PASS_ON_EVERY
        };
        let finished = total == Some(done);
        if !finished && sink.passed_on.is_some_and(|before| now - before < every) {
            return;
        }
        sink.passed_on = Some(now);
        match &mut sink.target {
            Target::Events(file) => {
                let event = Event::Progress {
                    done,
                    total,
                    unit: unit.into(),
                    message: message.into(),
                };
                send(file, &event);
            }
            Target::Bar(bar) => draw(
                bar,
                done,
                total,
                &format!("{}  {message}", speed.shown(unit)),
            ),
            Target::Lines => {
                let total = total.map_or(String::new(), |total| format!(" of {total}"));
                line(&format!(
                    "{done}{total} {unit}, {}: {message}",
                    speed.shown(unit)
                ));
            }
            Target::Nowhere => {}
        }
    }

    /// Passes on a finished step that is worth a line in a log.
    pub fn step(&self, message: &str) {
        self.say(
            message,
            Event::Step {
                message: message.into(),
            },
        );
    }

    /// Passes on something that a person should look at.
    pub(super) fn warning(&self, message: &str) {
        self.say(
            &format!("warning: {message}"),
            Event::Warning {
                message: message.into(),
            },
        );
    }

    fn say(&self, text: &str, event: Event) {
        let Ok(mut sink) = self.sink.lock() else {
            return;
        };
        match &mut sink.target {
            Target::Events(file) => {
                send(file, &event);
                line(text);
            }
            Target::Bar(bar) => bar.suspend(|| line(text)),
            Target::Lines => line(text),
            Target::Nowhere => {}
        }
    }

    pub(super) fn end(&self) {
        if let Ok(sink) = self.sink.lock()
            && let Target::Bar(bar) = &sink.target
        {
            bar.finish_and_clear();
        }
    }
}

fn draw(bar: &ProgressBar, done: u64, total: Option<u64>, message: &str) {
    if let Some(total) = total {
        bar.set_length(total);
        let style = ProgressStyle::with_template("{bar:28} {percent:>3} % {msg}");
        bar.set_style(style.unwrap_or_else(|_wrong| ProgressStyle::default_bar()));
    }
    bar.set_message(message.to_owned());
    bar.set_position(done);
}

/// A runner that went away must not stop the work, so a failed send is let go.
fn send(file: &mut File, event: &Event) {
    if let Ok(mut line) = serde_json::to_vec(event) {
        line.push(b'\n');
        file.write_all(&line).ok();
    }
}

#[expect(clippy::print_stderr, reason = "progress and logs go to stderr")]
fn line(text: &str) {
    eprintln!("{text}");
}
