//! `executor`, of a stage or of a whole pipeline: `local`, `slurm`, or `{slurm: {partition: gpu}}`.

use serde_yaml::{Mapping, Value};

use super::reader::{Reader, type_name};
use crate::executor::{SlurmFields, Written};

pub(crate) const EXECUTORS: [&str; 2] = ["local", "slurm"];
pub(crate) const SLURM_KEYS: [&str; 5] = ["partition", "account", "extra", "at_once", "poll"];
/// What a submission must be able to say itself.
const OWN_OPTIONS: [&str; 6] = [
    "--array",
    "--wrap",
    "--parsable",
    "--job-name",
    "--comment",
    "--output",
];

impl Reader<'_> {
    pub(super) fn executor(&mut self, fields: &Mapping) -> Option<Written> {
        match fields.get("executor")? {
            Value::String(name) => match name.as_str() {
                "local" => Some(Written::Local),
                "slurm" => Some(Written::Slurm(SlurmFields::default())),
                other => {
                    let problem = self
                        .place
                        .problem_at(&["executor"], format!("there is no executor `{other}`"));
                    self.problems.push(problem.known(other, EXECUTORS));
                    None
                }
            },
            Value::Mapping(mapping) => {
                self.unknown_keys(mapping, &["executor"], &EXECUTORS[1..]);
                let slurm = mapping.get("slurm")?;
                let slurm = self.mapping(slurm, &["executor", "slurm"]);
                Some(Written::Slurm(self.slurm(&slurm)))
            }
            other => {
                let message = format!(
                    "`executor` is `local`, `slurm` or `{{slurm: ...}}`, not {}",
                    type_name(other)
                );
                self.say(&["executor"], message);
                None
            }
        }
    }

    fn slurm(&mut self, fields: &Mapping) -> SlurmFields {
        let path = |key| ["executor", "slurm", key];
        self.unknown_keys(fields, &["executor", "slurm"], &SLURM_KEYS);
        let extra = fields
            .contains_key("extra")
            .then(|| self.texts(fields, &path("extra")));
        for argument in extra.iter().flatten() {
            let option = argument.split('=').next().unwrap_or_default();
            if OWN_OPTIONS.contains(&option) || !argument.starts_with('-') {
                let message = format!(
                    "`{argument}` cannot be given to `sbatch`: the runner says {} itself, and `--option=value` is one text",
                    OWN_OPTIONS.join(", ")
                );
                self.say(&path("extra"), message);
            }
        }
        let one = |reader: &mut Self, key| {
            let texts = reader.texts(fields, &path(key));
            if texts.len() > 1 {
                reader.say(&path(key), format!("`{key}` is one text"));
            }
            texts.into_iter().next()
        };
        SlurmFields {
            partition: one(self, "partition"),
            account: one(self, "account"),
            extra,
            at_once: self
                .whole_number(fields, &path("at_once"), (1, 100_000))
                .and_then(|count| u32::try_from(count).ok()),
            poll: self.duration(fields, &path("poll")),
        }
    }
}
