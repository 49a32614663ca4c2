//! What became of what was handed in: the marks in the store, what Slurm says, and who is told.

use std::collections::BTreeSet;
use std::time::Instant;

use super::super::cluster::{Row, Rows};
use super::super::verdict::{Claim, Exit, Verdict};
use super::super::{News, script};
use super::{Flying, Work};
use crate::error::PipelineError;

/// So many running programs are listened to at each look, in turn.
const EARS: usize = 64;
/// A job that is missing in so many answers is gone.
const MISSED: u32 = 2;

impl Work<'_> {
    /// Looks at the marks in the store.
    pub(super) fn look(&mut self) {
        let mut waves: Vec<String> = self.flying.keys().map(|(wave, _)| wave.clone()).collect();
        waves.dedup();
        for wave in waves {
            let entries = fs_err::read_dir(self.wave(&wave).join("state"));
            for entry in entries.into_iter().flatten().flatten() {
                let name = entry.file_name();
                let mark = name.to_str().and_then(|name| name.split_once('.'));
                let Some((Ok(index), what)) = mark.map(|(index, what)| (index.parse(), what))
                else {
                    continue;
                };
                let place = (wave.clone(), index);
                match what {
                    "begun" => self.has_begun(&place),
                    "ended" => self.has_ended(place),
                    _ => {}
                }
            }
        }
        let begun: Vec<&Flying> = self.flying.values().filter(|one| one.has_begun).collect();
        for one in begun
            .iter()
            .cycle()
            .skip(self.turn)
            .take(begun.len().min(EARS))
        {
            one.ticket.news.send(News::Look).ok();
        }
        self.turn = (self.turn + EARS) % begun.len().max(1);
    }

    fn has_begun(&mut self, place: &(String, usize)) {
        if let Some(flying) = self.flying.get_mut(place)
            && !std::mem::replace(&mut flying.has_begun, true)
        {
            flying.ticket.news.send(News::Started).ok();
        }
    }

    /// A try has left its exit code. Where that came from outside, Slurm is heard before it is judged.
    fn has_ended(&mut self, place: (String, usize)) {
        let Some(flying) = self.flying.get_mut(&place) else {
            return;
        };
        if flying.exit.is_some() {
            return;
        }
        let Some(exit) = Exit::read(&flying.ticket.folder) else {
            return;
        };
        if exit.may_be_slurms() && self.stopping.is_none() {
            flying.exit = Some((exit, 0));
        } else {
            self.judge(place, Some(exit), None);
        }
    }

    pub(super) fn judge(&mut self, place: (String, usize), exit: Option<Exit>, row: Option<Row>) {
        let job = self.job(&place);
        let Some(flying) = self.flying.remove(&place) else {
            return;
        };
        let never_began = !flying.has_begun && Claim::read(&flying.ticket.folder).is_none();
        let news = if self.stopping.is_some() && exit.is_none_or(|exit| exit.code != 0) {
            News::Interrupted { is_over: true }
        } else if flying.dropped && never_began {
            News::GivenBack
        } else {
            News::Ended(Verdict {
                job,
                exit,
                claim: Claim::read(&flying.ticket.folder),
                row,
            })
        };
        flying.ticket.news.send(news).ok();
        self.full = false;
    }

    /// Asks Slurm how all are, if it may be asked again.
    pub(super) fn ask_when_due(&mut self) {
        let poll = self.flying.values().map(|flying| flying.ticket.poll).min();
        let Some(poll) = poll else { return };
        if self.asked.is_some_and(|asked| asked.elapsed() < poll) {
            return;
        }
        if self.asked.is_none() {
            // What was handed in a moment ago is known to wait.
            self.asked = Some(Instant::now());
            return;
        }
        let had_accounts = match self.ask_accounts() {
            Ok(asked) => asked,
            Err(error) => return self.observer.remark(&format!("warning: {error}")),
        };
        if !had_accounts && let Err(error) = self.ask_slurm() {
            return self.observer.remark(&format!("warning: {error}"));
        }
        self.full = false;
        self.judge_by_rows(!had_accounts);
    }

    pub(super) fn ask_slurm(&mut self) -> Result<(), PipelineError> {
        self.asked = Some(Instant::now());
        let Some(cluster) = &self.cluster else {
            return Ok(());
        };
        self.rows = Some(cluster.jobs()?);
        Ok(())
    }

    /// Asks the accounts of jobs that `squeue` has forgotten, in place of `squeue`. Says whether it did.
    fn ask_accounts(&mut self) -> Result<bool, PipelineError> {
        let Some(cluster) = self.cluster.as_ref().filter(|one| one.limits.has_accounts) else {
            return Ok(false);
        };
        let missed = self.flying.iter().filter(|(_, flying)| flying.missed == 1);
        let jobs = missed.filter_map(|((wave, _), _)| self.jobs.get(wave).copied());
        let jobs: BTreeSet<u64> = jobs.filter(|&job| job > 0).collect();
        if jobs.is_empty() {
            return Ok(false);
        }
        self.asked = Some(Instant::now());
        let mut found = cluster.accounts(&jobs)?;
        let rows = self.rows.get_or_insert_with(Rows::new);
        for (wave, index) in self.flying.keys() {
            let job = self.jobs.get(wave).copied().unwrap_or(0);
            if let Some(row) = found.remove(&(job, *index)) {
                rows.insert((wave.clone(), *index), row);
            }
        }
        Ok(true)
    }

    /// Whether each is still there, and what became of it.
    fn judge_by_rows(&mut self, is_whole: bool) {
        let Some(rows) = self.rows.take() else { return };
        let places: Vec<(String, usize)> = self.flying.keys().cloned().collect();
        for place in places {
            let row = rows.get(&place);
            if row.is_some_and(|row| row.state == "RUNNING" || row.state == "COMPLETING") {
                self.has_begun(&place);
            }
            let Some(flying) = self.flying.get_mut(&place) else {
                continue;
            };
            let exit = flying
                .exit
                .map(|(exit, _)| exit)
                .or_else(|| Exit::read(&flying.ticket.folder));
            let is_over = row.is_some_and(Row::is_over);
            // A file system of several machines may show a node's last words later than Slurm tells its end.
            let may_come = exit.is_none() && row.is_some_and(ended_by_itself);
            if (row.is_none() && is_whole) || may_come {
                flying.missed += 1;
            }
            if let Some((_, answers)) = &mut flying.exit {
                *answers += 1;
            }
            let waited = flying.exit.is_some_and(|(_, answers)| answers >= MISSED);
            let gone = flying.missed >= MISSED || (row.is_none() && exit.is_some());
            if (is_over && !may_come) || waited || gone {
                self.judge(place, exit, row.filter(|row| row.is_over()).cloned());
            }
        }
        self.rows = Some(rows);
    }
}

/// Whether a job came to its own end, so that its script has left an exit code.
fn ended_by_itself(row: &Row) -> bool {
    match row.state.as_str() {
        "COMPLETED" => true,
        "FAILED" => row.signal == 0 && row.code < script::NO_STORE,
        _ => false,
    }
}
