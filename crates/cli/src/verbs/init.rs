//! `cinescore init`: a pipeline for reviews of one's own.
//!
//! Owns the conversation: what is shown of the table, what is asked of it, and what is written. What the table
//! holds says `cinescore-ingest look`, the pipeline's text is [`pipeline`]'s. Writes the pipeline, and the network
//! that it trains beside it where there is none of that name.

mod look;
mod pipeline;

use std::path::{Path, PathBuf};

use cinescore_artifact::task::write_atomically;
use cinescore_artifact::{StageError, exit};

use crate::arguments::{InitArguments, ProjectArguments, Task};
use crate::display;
use crate::verbs::run::quoted;
use look::Look;
use pipeline::{NETWORK_FILE, NETWORK_TEXT, Plan};

/// Fewer labelled reviews than this teach nothing, and leave splits empty.
const LEAST_REVIEWS: u64 = 50;

pub(crate) fn init(given: &ProjectArguments, arguments: &InitArguments) -> Result<u8, StageError> {
    let project = given.open_store()?;
    let look = look::ask(&project, arguments)?;
    look.show(&arguments.reviews);
    let plan = Plan {
        reviews: &arguments.reviews,
        look: &look,
        task: task(&look, arguments)?,
    };
    let file = file(given, &arguments.reviews)?;
    if arguments.dry_run {
        display::row(plan.text(&run_command("cinescore", &file)).trim_end());
        return Ok(exit::DONE);
    }
    write(&file, &plan, arguments.force)?;
    // What was written must be a pipeline: whoever runs it should not be the first to find out.
    let graph = project.pipeline(&file, &[])?;
    let stages = graph.stages.len();
    display::say(&format!("wrote {}: {stages} stages", file.display()));
    display::say("\nRun it with:");
    let program = std::env::args_os().next();
    let program = program.as_ref().map(|program| program.to_string_lossy());
    display::row(&run_command(
        program.as_deref().unwrap_or("cinescore"),
        &file,
    ));
    let view = given.artifacts.join("runs").join(&graph.name);
    let view = view.display();
    display::say(&format!(
        "\nIt ends in the trained bundle {view}/net/bundle and in {view}/ratings/predictions.parquet, a rating of\n\
         each labelled review; of those of the split `train` it knew the truth. Their `id` is the `review_id` of the table `reviews`; `member` there names the row of {}.",
        arguments.reviews.display()
    ));
    Ok(exit::DONE)
}

/// What to learn: what the user says, or what most labelled reviews have.
fn task(look: &Look, arguments: &InitArguments) -> Result<Task, StageError> {
    let polar = look.positive + look.negative;
    let scored = look.scored();
    let task = match arguments.task {
        Some(task) => task,
        None if scored * 2 >= look.labelled() => Task::Rating,
        None => Task::Sentiment,
    };
    let refuse = |what: String| Err(StageError::input(what));
    if look.rows == look.refused {
        let reasons = look.reasons.join("\n");
        return refuse(format!("no row of the table can be read:\n{reasons}"));
    }
    let (labelled, label, differ) = match task {
        Task::Rating => (scored, "score from 1 to 10", look.scores.len() > 1),
        Task::Sentiment => (polar, "sentiment", look.positive > 0 && look.negative > 0),
    };
    if labelled < LEAST_REVIEWS {
        let text =
            format!("{labelled} reviews have a {label}; {LEAST_REVIEWS} are needed at least");
        return Err(StageError::input(text)
            .hint("name the column with --score-column or --sentiment-column"));
    }
    if !differ {
        return refuse(format!(
            "all reviews have the same {label}: there is nothing to learn"
        ));
    }
    Ok(task)
}

/// Where the pipeline goes: a path, or `pipelines/NAME.yaml`; without a name, that of the table.
fn file(given: &ProjectArguments, reviews: &Path) -> Result<PathBuf, StageError> {
    let name = match &given.pipeline {
        Some(path) if path.ends_with(".yaml") || path.ends_with(".yml") => return Ok(path.into()),
        Some(name) => name.clone(),
        None => name_of(reviews),
    };
    if name.is_empty() || name.contains(['/', '\\']) {
        let error = StageError::usage(format!("`{name}` is no name for a pipeline"));
        return Err(error.hint("name it with -p NAME, or give its file, -p PATH.yaml"));
    }
    Ok(Path::new("pipelines").join(format!("{name}.yaml")))
}

/// The table's name in small letters, digits, `-` and `_`: `imdb_dataset` of `IMDB Dataset.csv.gz`.
fn name_of(reviews: &Path) -> String {
    let name = reviews.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    let plain = stem.chars().map(|character| match character {
        '-' => '-',
        letter if letter.is_ascii_alphanumeric() => letter.to_ascii_lowercase(),
        _ => '_',
    });
    plain.collect()
}

/// The one command line that runs a pipeline.
fn run_command(program: &str, file: &Path) -> String {
    let named = file
        .parent()
        .filter(|folder| *folder == Path::new("pipelines"))
        .and_then(|_| file.file_stem()?.to_str());
    let shown = file.display().to_string();
    let pipeline = named.unwrap_or(&shown);
    format!("{} run -p {}", quoted(program), quoted(pipeline))
}

fn write(file: &Path, plan: &Plan<'_>, force: bool) -> Result<(), StageError> {
    if file.exists() && !force {
        let error = StageError::usage(format!("`{}` is there already", file.display()));
        return Err(error.hint("write another with -p NAME, or overwrite it with --force"));
    }
    let folder = file.parent().unwrap_or(Path::new(""));
    let network = folder.join(NETWORK_FILE);
    fs_err::create_dir_all(network.parent().unwrap_or(folder))?;
    // One that is there is somebody's: it is trained as it is.
    if !network.exists() {
        write_atomically(&network, NETWORK_TEXT.as_bytes())?;
        display::say(&format!("wrote {}", network.display()));
    }
    Ok(write_atomically(
        file,
        plan.text(&run_command("cinescore", file)).as_bytes(),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_is_called_after_its_table() {
        for (file, name) in [
            ("my.csv", "my"),
            ("data/IMDB Dataset.csv.gz", "imdb_dataset"),
            ("Größe-2.jsonl", "gr__e-2"),
        ] {
            assert_eq!(name_of(Path::new(file)), name);
        }
    }
}
