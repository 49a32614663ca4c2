//! The one thread of a run that talks to Slurm.
//!
//! Owns when it is asked (what is heard is `watch`'s): arrays go in when every stage that is coming is there, `squeue` is asked once in `poll`
//! however many tasks there are, and in between the marks in the store tell what began and what ended.

mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use cinescore_artifact::Digest;
use cinescore_artifact::store::{RecordState, Store, abandoned};

use super::super::Observer;
use super::super::interrupt::Interrupt;
use super::super::processes::Children;
use super::bench;
use super::cluster::{Cluster, Refused, Rows};
use super::verdict::{Claim, Exit};
use super::{Begun, Class, News, Order, Orders, Ticket, script};
use crate::error::PipelineError;

/// How often the marks are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The same where there are many of them.
const LOOK_AT_MANY_EVERY: Duration = Duration::from_secs(1);
const MANY: usize = 64;
/// Nobody came for so long: what has gathered goes in.
const QUIET: Duration = Duration::from_millis(50);
/// What has gathered goes in after so long, whoever is still coming.
const LONGEST_GATHERING: Duration = Duration::from_secs(5);
/// What the office needs to know before it begins.
pub(in crate::run) struct Office {
    pub(super) orders: Orders,
    pub(super) coming: Arc<AtomicUsize>,
    /// Where waves and tasks lie.
    pub(super) folder: PathBuf,
    pub(super) store: Store,
    pub(super) keep_going: bool,
    /// How long stages may take to clean up when the run is stopped.
    pub(super) grace: Duration,
}

/// The office at work.
struct Work<'a> {
    office: &'a Office,
    children: &'a Children,
    observer: &'a dyn Observer,
    cluster: Option<Cluster<'a>>,
    /// Somebody was told that nothing can be handed in.
    refused: bool,
    /// What is to be handed in.
    gathered: Vec<Ticket>,
    last_came: Option<Instant>,
    gathering_since: Option<Instant>,
    /// The cluster had no room: not before the next answer.
    full: bool,
    /// What is at the cluster, by wave and element.
    flying: BTreeMap<(String, usize), Flying>,
    /// The numbers of arrays, by wave.
    jobs: BTreeMap<String, u64>,
    /// What Slurm said last.
    rows: Option<Rows>,
    asked: Option<Instant>,
    /// Since when the run is being stopped.
    stopping: Option<Instant>,
    is_closed: bool,
    turn: usize,
}

/// A try that is at the cluster.
struct Flying {
    ticket: Ticket,
    has_begun: bool,
    /// It ended by something that Slurm may know more of; so many answers were waited for.
    exit: Option<(Exit, u32)>,
    missed: u32,
    /// It was cancelled, if it had not begun.
    dropped: bool,
}

impl Office {
    /// Works until it is closed and nothing is left at the cluster.
    pub(in crate::run) fn work(
        self,
        children: &Children,
        interrupt: &Interrupt,
        observer: &dyn Observer,
    ) {
        let mut work = Work {
            office: &self,
            children,
            observer,
            cluster: None,
            refused: false,
            gathered: Vec::new(),
            last_came: None,
            gathering_since: None,
            full: false,
            flying: BTreeMap::new(),
            jobs: BTreeMap::new(),
            rows: None,
            asked: None,
            stopping: None,
            is_closed: false,
            turn: 0,
        };
        while !work.is_over() {
            work.take_orders();
            if interrupt.is_raised() && work.stopping.is_none() {
                work.stop();
            }
            work.hand_in_when_due();
            work.look();
            work.ask_when_due();
            work.leave_when_late();
        }
        work.clear();
    }
}

impl<'a> Work<'a> {
    fn is_over(&self) -> bool {
        self.is_closed && self.flying.is_empty() && self.gathered.is_empty()
    }

    /// Waits for an order, not longer than until the next look.
    fn take_orders(&mut self) {
        let every = match self.flying.len() {
            count if count > MANY => LOOK_AT_MANY_EVERY,
            _ => LOOK_EVERY,
        };
        let is_idle = self.flying.is_empty() && self.gathered.is_empty();
        let first = match (is_idle, self.gathered.is_empty()) {
            (true, _) => self
                .office
                .orders
                .recv()
                .map_err(|_closed| RecvTimeoutError::Disconnected),
            (false, false) if !self.full => self.office.orders.recv_timeout(QUIET / 2),
            _ => self.office.orders.recv_timeout(every),
        };
        match first {
            Ok(order) => self.take(order),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.is_closed = true,
        }
        loop {
            match self.office.orders.try_recv() {
                Ok(order) => self.take(order),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.is_closed = true;
                    break;
                }
            }
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Begin { fingerprint, reply } => {
                let home = bench::home(&self.office.folder, fingerprint);
                reply.send(self.begin(&home)).ok();
            }
            Order::Take(ticket) => {
                if self.stopping.is_some() {
                    ticket.news.send(News::Interrupted { is_over: true }).ok();
                } else if ticket.class.is_some() {
                    self.last_came = Some(Instant::now());
                    self.gathering_since.get_or_insert_with(Instant::now);
                    self.gathered.push(ticket);
                } else {
                    self.attach(ticket);
                }
            }
            Order::GiveBack => self.give_back(),
            Order::Close => self.is_closed = true,
        }
    }

    /// What there is of a key. Asks Slurm only where there is a try that may have a job.
    fn begin(&mut self, home: &Path) -> Result<Begun, PipelineError> {
        if self.refused && !self.office.keep_going {
            return Ok(Begun::GivenBack);
        }
        let found = self.find(home);
        self.refused |= found.is_err();
        found
    }

    fn find(&mut self, home: &Path) -> Result<Begun, PipelineError> {
        if self.cluster.is_none() {
            self.cluster = Some(Cluster::find(self.children)?);
        }
        let current = bench::current(home).map_err(PipelineError::io("read", home))?;
        let Some(folder) = current.filter(|folder| folder.is_dir()) else {
            return Ok(Begun::New);
        };
        let Some(place) = bench::read_place(&folder) else {
            return Ok(Begun::New);
        };
        if Exit::read(&folder).is_some() {
            return Ok(Begun::Live(folder));
        }
        if self.rows.is_none() {
            self.ask_slurm()?;
        }
        let row = self.rows.as_ref().and_then(|rows| rows.get(&place));
        Ok(match row {
            Some(row) => {
                self.jobs.insert(place.0, row.job);
                Begun::Live(folder)
            }
            None => Begun::New,
        })
    }

    /// Takes over a try that has a job.
    fn attach(&mut self, ticket: Ticket) {
        let Some(place) = bench::read_place(&ticket.folder) else {
            ticket.news.send(News::GivenBack).ok();
            return;
        };
        if !self.jobs.contains_key(&place.0) {
            let noted = fs_err::read_to_string(self.wave(&place.0).join("job")).ok();
            let noted = noted.and_then(|text| text.trim().parse().ok());
            self.jobs.insert(place.0.clone(), noted.unwrap_or(0));
        }
        self.observer.remark(&format!(
            "found Slurm job {} of an earlier run",
            self.job(&place)
        ));
        self.fly(place.0, place.1, ticket);
    }

    fn fly(&mut self, wave: String, index: usize, ticket: Ticket) {
        let flying = Flying {
            ticket,
            has_begun: false,
            exit: None,
            missed: 0,
            dropped: false,
        };
        self.flying.insert((wave, index), flying);
    }

    fn wave(&self, name: &str) -> PathBuf {
        self.office.folder.join("waves").join(name)
    }

    fn job(&self, (wave, index): &(String, usize)) -> String {
        let number = self.jobs.get(wave).copied().unwrap_or(0);
        format!("{number}_{index}")
    }

    fn hand_in_when_due(&mut self) {
        let (Some(last), Some(first)) = (self.last_came, self.gathering_since) else {
            return;
        };
        let all_there = self.office.coming.load(Ordering::Acquire) == 0 && last.elapsed() >= QUIET;
        if self.gathered.is_empty()
            || self.full
            || !(all_there || first.elapsed() >= LONGEST_GATHERING)
        {
            return;
        }
        self.gathering_since = None;
        let mut classes: BTreeMap<Class, Vec<Ticket>> = BTreeMap::new();
        for ticket in std::mem::take(&mut self.gathered) {
            match ticket.class.clone() {
                Some(class) => classes.entry(class).or_default().push(ticket),
                None => self.attach(ticket),
            }
        }
        for (class, mut tickets) in classes {
            tickets.sort_by_key(|ticket| ticket.place);
            self.hand_in(&class, tickets);
        }
        if !self.gathered.is_empty() {
            self.gathering_since = Some(Instant::now());
        }
    }

    /// Hands tries of one class in, in as few arrays as the cluster allows.
    fn hand_in(&mut self, class: &Class, mut tickets: Vec<Ticket>) {
        let Some(limits) = self.cluster.as_ref().map(|cluster| cluster.limits) else {
            return;
        };
        let mut most = limits.array;
        while !tickets.is_empty() {
            let room = limits.jobs.saturating_sub(self.flying.len());
            let count = tickets.len().min(most).min(room);
            if count == 0 {
                self.full = true;
                self.gathered.append(&mut tickets);
                return;
            }
            let rest = tickets.split_off(count);
            let refused = self.hand_in_array(class, &mut tickets).err();
            tickets.extend(rest);
            match refused {
                None => {}
                Some(Refused::TooMany(_)) if !self.flying.is_empty() => {
                    self.full = true;
                    self.gathered.append(&mut tickets);
                    return;
                }
                Some(Refused::TooMany(_)) if count > 1 => most = count / 2,
                Some(Refused::TooMany(said)) => {
                    let what = format!("`sbatch` says: {said}");
                    self.refuse(tickets, PipelineError::Slurm { what, hint: None });
                    return;
                }
                Some(Refused::Other(error)) => {
                    self.refuse(tickets, *error);
                    return;
                }
            }
        }
    }

    /// One of some tries hears why they were not taken; the others come back, or hear it too.
    fn refuse(&mut self, tickets: Vec<Ticket>, error: PipelineError) {
        self.refused = true;
        let (what, hint) = match error {
            PipelineError::Slurm { what, hint } => (what, hint),
            other => (other.to_string(), None),
        };
        for (index, ticket) in tickets.into_iter().enumerate() {
            let news = match index > 0 && !self.office.keep_going {
                true => News::GivenBack,
                false => News::Refused(PipelineError::Slurm {
                    what: what.clone(),
                    hint: hint.clone(),
                }),
            };
            ticket.news.send(news).ok();
        }
    }

    /// Hands in one array; takes its tries out of the list where Slurm takes it.
    fn hand_in_array(&mut self, class: &Class, tickets: &mut Vec<Ticket>) -> Result<(), Refused> {
        let Some(cluster) = &self.cluster else {
            return Ok(());
        };
        let made = make_wave(&self.office.folder.join("waves"), tickets);
        let made = made.map_err(PipelineError::io(
            "make a job array in",
            &self.office.folder,
        ));
        let (path, wave) = made.map_err(|error| Refused::Other(Box::new(error)))?;
        let base = tickets.first().map_or("", |ticket| ticket.base.as_str());
        let is_one_base = tickets.iter().all(|ticket| ticket.base == base);
        let base = if is_one_base { base } else { "stages" };
        let count = tickets.len();
        let submitted = cluster.submit(class, base, &wave, count, &path.join("script"));
        let job = submitted.inspect_err(|_refused| {
            fs_err::remove_dir_all(&path).ok();
        })?;
        // For the next runner, where it must do without Slurm's memory.
        fs_err::write(path.join("job"), format!("{job}\n")).ok();
        self.jobs.insert(wave.clone(), job);
        self.observer.remark(&format!(
            "Slurm job {job}: {count} {} of {base}",
            if count == 1 { "task" } else { "tasks" }
        ));
        for (index, ticket) in tickets.drain(..).enumerate() {
            self.fly(wave.clone(), index, ticket);
        }
        Ok(())
    }

    /// The run stops: what it has at the cluster is cancelled, and nothing else.
    fn stop(&mut self) {
        self.stopping = Some(Instant::now());
        for ticket in std::mem::take(&mut self.gathered) {
            ticket.news.send(News::Interrupted { is_over: true }).ok();
        }
        for flying in self.flying.values() {
            if let Some(home) = flying.ticket.folder.parent() {
                bench::forget(home);
            }
        }
        self.cancel(false, |_| true);
        // One that has not begun finds now that it does not count.
        let waiting: Vec<(String, usize)> = self
            .flying
            .iter()
            .filter(|(_, flying)| Claim::read(&flying.ticket.folder).is_none())
            .map(|(place, _)| place.clone())
            .collect();
        for place in waiting {
            self.judge(place, None, None);
        }
    }

    /// Nobody waits for ever for stages that do not stop.
    fn leave_when_late(&mut self) {
        if self
            .stopping
            .is_none_or(|since| since.elapsed() < self.office.grace)
        {
            return;
        }
        for (_, flying) in std::mem::take(&mut self.flying) {
            flying
                .ticket
                .news
                .send(News::Interrupted { is_over: false })
                .ok();
        }
    }

    /// A stage failed: what waits at the cluster is not wanted any more.
    fn give_back(&mut self) {
        for ticket in std::mem::take(&mut self.gathered) {
            ticket.news.send(News::GivenBack).ok();
        }
        let is_waiting = |flying: &Flying| !flying.has_begun && !flying.dropped;
        self.cancel(true, is_waiting);
        for flying in self.flying.values_mut() {
            flying.dropped |= !flying.has_begun;
        }
    }

    fn cancel(&self, only_waiting: bool, which: impl Fn(&Flying) -> bool) {
        let mut elements: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for ((wave, index), flying) in &self.flying {
            if let Some(&job) = self.jobs.get(wave).filter(|&&job| job > 0)
                && which(flying)
            {
                elements.entry(job).or_default().push(*index);
            }
        }
        if let Some(cluster) = self.cluster.as_ref().filter(|_| !elements.is_empty())
            && let Err(error) = cluster.cancel(&elements, only_waiting)
        {
            self.observer.remark(&format!("warning: {error}"));
        }
    }

    /// Removes the tasks of a runner that was killed between keeping a result and clearing up, and the waves of
    /// which no task is left.
    fn clear(&self) {
        if self.cluster.is_none() {
            return;
        }
        let store = &self.office.store;
        let homes = fs_err::read_dir(self.office.folder.join("tasks"));
        for home in homes.into_iter().flatten().flatten() {
            let name = home.file_name().to_string_lossy().into_owned();
            let Ok(fingerprint) = name.parse::<Digest>() else {
                continue;
            };
            // Whoever is making the result once more holds its key's lock.
            let lock = store.root().join("locks").join(format!("{name}.lock"));
            if let Some(_abandoned) = abandoned(&lock)
                && matches!(store.record(fingerprint), Ok(RecordState::Present(_)))
            {
                fs_err::remove_dir_all(home.path()).ok();
            }
        }
        let waves = fs_err::read_dir(self.office.folder.join("waves"));
        for wave in waves.into_iter().flatten().flatten() {
            let tasks = fs_err::read_to_string(wave.path().join("tasks"));
            if tasks.is_ok_and(|tasks| tasks.lines().all(|task| !Path::new(task).exists())) {
                fs_err::remove_dir_all(wave.path()).ok();
            }
        }
    }
}

/// Writes the folder of an array. Gives its path and its name.
fn make_wave(waves: &Path, tickets: &[Ticket]) -> std::io::Result<(PathBuf, String)> {
    fs_err::create_dir_all(waves)?;
    let path = tempfile::Builder::new()
        .prefix("wave-")
        .rand_bytes(12)
        .tempdir_in(waves)?
        .keep();
    let name = path.file_name().unwrap_or_default();
    let name = name.to_string_lossy().into_owned();
    let tasks: String = tickets
        .iter()
        .map(|ticket| format!("{}\n", ticket.folder.display()))
        .collect();
    fs_err::write(path.join("tasks"), tasks)?;
    fs_err::create_dir(path.join("state"))?;
    fs_err::write(path.join("script"), script::array(&path))?;
    for (index, ticket) in tickets.iter().enumerate() {
        bench::write_place(&ticket.folder, &name, index)?;
    }
    Ok((path, name))
}
