//! Counters, and the text that Prometheus reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The version of Prometheus' text format.
pub(super) const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper ends of a histogram's buckets.
const SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0];
const TEXTS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// A histogram as Prometheus has it.
#[derive(Debug)]
struct Histogram<const N: usize> {
    ends: [f64; N],
    counts: [AtomicU64; N],
    all: AtomicU64,
    /// The sum in millionths.
    sum: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    fn new(ends: [f64; N]) -> Self {
        Self {
            ends,
            counts: [const { AtomicU64::new(0) }; N],
            all: AtomicU64::new(0),
            sum: AtomicU64::new(0),
        }
    }

    fn observe(&self, value: f64) {
        for (end, count) in self.ends.iter().zip(&self.counts) {
            if value <= *end {
                count.fetch_add(1, Relaxed);
            }
        }
        self.all.fetch_add(1, Relaxed);
        self.sum.fetch_add((value * 1e6) as u64, Relaxed);
    }

    fn write(&self, text: &mut String, name: &str, about: &str) {
        // Read first, so that no bucket seems to hold more than all.
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Relaxed)).collect();
        let all = self.all.load(Relaxed);
        writeln!(text, "# HELP {name} {about}\n# TYPE {name} histogram").ok();
        for (end, count) in self.ends.iter().zip(counts) {
            writeln!(text, "{name}_bucket{{le=\"{end}\"}} {count}").ok();
        }
        writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {all}").ok();
        let sum = self.sum.load(Relaxed) as f64 / 1e6;
        writeln!(text, "{name}_sum {sum}\n{name}_count {all}").ok();
    }
}

/// All that is counted.
#[derive(Debug)]
pub(super) struct Metrics {
    started: Instant,
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    seconds: Histogram<10>,
    batches: Histogram<8>,
    texts: AtomicU64,
    explained: AtomicU64,
    reloads: AtomicU64,
    refused_bundles: AtomicU64,
    /// Connections that are open.
    pub(super) connections: AtomicI64,
    /// Requests that are being answered.
    pub(super) in_flight: AtomicI64,
}

/// What is read elsewhere when it is asked for.
pub(super) struct Now {
    /// Texts that wait or are rated.
    pub(super) queued: usize,
    /// How many may.
    pub(super) room: usize,
    /// The digest of the bundle in use.
    pub(super) bundle: String,
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            requests: Mutex::default(),
            seconds: Histogram::new(SECONDS),
            batches: Histogram::new(TEXTS),
            texts: AtomicU64::new(0),
            explained: AtomicU64::new(0),
            reloads: AtomicU64::new(0),
            refused_bundles: AtomicU64::new(0),
            connections: AtomicI64::new(0),
            in_flight: AtomicI64::new(0),
        }
    }

    /// A request was answered. `route` is one that the router has, so that clients cannot invent any number of them.
    pub(super) fn answered(&self, route: &'static str, status: u16, took: Duration) {
        self.seconds.observe(took.as_secs_f64());
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((route, status)).or_default() += 1;
    }

    /// So many texts were rated together.
    pub(super) fn rated(&self, texts: usize) {
        self.batches.observe(texts as f64);
        self.texts.fetch_add(texts as u64, Relaxed);
    }

    /// A text was explained.
    pub(super) fn explained(&self) {
        self.explained.fetch_add(1, Relaxed);
    }

    /// Another bundle was taken, or refused.
    pub(super) fn reloaded(&self, taken: bool) {
        let counter = if taken {
            &self.reloads
        } else {
            &self.refused_bundles
        };
        counter.fetch_add(1, Relaxed);
    }

    /// Everything as text.
    pub(super) fn text(&self, now: &Now) -> String {
        let mut text = String::new();
        let name = "cinescore_http_requests_total";
        writeln!(text, "# HELP {name} Requests answered.\n# TYPE {name} counter").ok();
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        for ((route, status), count) in &*requests {
            writeln!(text, "{name}{{route=\"{route}\",status=\"{status}\"}} {count}").ok();
        }
        drop(requests);
        self.seconds.write(
            &mut text,
            "cinescore_http_request_duration_seconds",
            "From a request's head to its answer.",
        );
        self.batches.write(
            &mut text,
            "cinescore_batch_texts",
            "Texts that were rated together.",
        );
        let mut one = |name: &str, kind: &str, about: &str, value: f64| {
            writeln!(text, "# HELP {name} {about}\n# TYPE {name} {kind}\n{name} {value}").ok();
        };
        let counter = |counter: &AtomicU64| counter.load(Relaxed) as f64;
        one("cinescore_texts_total", "counter", "Texts rated.", counter(&self.texts));
        one("cinescore_explained_total", "counter", "Texts explained.", counter(&self.explained));
        one("cinescore_reloads_total", "counter", "Bundles taken after the first.", counter(&self.reloads));
        one(
            "cinescore_refused_bundles_total",
            "counter",
            "Bundles refused while another served.",
            counter(&self.refused_bundles),
        );
        one("cinescore_queue_texts", "gauge", "Texts waiting or being rated.", now.queued as f64);
        one("cinescore_queue_limit_texts", "gauge", "Texts that may.", now.room as f64);
        let gauge = |gauge: &AtomicI64| gauge.load(Relaxed) as f64;
        one("cinescore_connections", "gauge", "Open connections.", gauge(&self.connections));
        one("cinescore_http_requests_in_flight", "gauge", "Requests being answered.", gauge(&self.in_flight));
        one(
            "process_uptime_seconds",
            "gauge",
            "Since the start.",
            self.started.elapsed().as_secs_f64(),
        );
        if let Some(bytes) = resident() {
            one("process_resident_memory_bytes", "gauge", "Memory in use.", bytes as f64);
        }
        let name = "cinescore_bundle_info";
        writeln!(text, "# HELP {name} The bundle in use.\n# TYPE {name} gauge").ok();
        writeln!(text, "{name}{{digest=\"{}\"}} 1", now.bundle).ok();
        text
    }
}

/// The memory that the process holds, where the system says it.
fn resident() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_is_at_most_their_end() {
        let metrics = Metrics::new();
        metrics.answered("/healthz", 200, Duration::from_millis(3));
        metrics.answered("/healthz", 200, Duration::from_secs(60));
        metrics.rated(5);
        let now = Now {
            queued: 5,
            room: 10,
            bundle: "ab".into(),
        };
        let text = metrics.text(&now);
        for line in [
            "cinescore_http_requests_total{route=\"/healthz\",status=\"200\"} 2",
            "cinescore_http_request_duration_seconds_bucket{le=\"0.0025\"} 0",
            "cinescore_http_request_duration_seconds_bucket{le=\"0.005\"} 1",
            "cinescore_http_request_duration_seconds_bucket{le=\"10\"} 1",
            "cinescore_http_request_duration_seconds_bucket{le=\"+Inf\"} 2",
            "cinescore_batch_texts_bucket{le=\"4\"} 0",
            "cinescore_batch_texts_bucket{le=\"8\"} 1",
            "cinescore_batch_texts_sum 5",
            "cinescore_queue_texts 5",
            "cinescore_bundle_info{digest=\"ab\"} 1",
        ] {
            assert!(text.lines().any(|own| own == line), "{line}\n{text}");
        }
    }
}
