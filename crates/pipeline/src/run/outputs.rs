//! What a stage hands over, held against what it declared.
//!
//! A stage program may be wrong or written by anybody: nothing that it left in its folder is believed
//! before it was looked at. Does not own what a pipeline demands of an output (`checks`).

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use cinescore_artifact::describe::{Form, Output, PROTOCOL};
use cinescore_artifact::store::Object;
use cinescore_artifact::table::TableFooter;
use cinescore_artifact::task::{RESULT_FILE, TaskResult};

use crate::error::PipelineError;
use crate::graph::Stage;
use crate::project::Project;

/// A longer `result.json` is not read, bytes: it is kept in memory and in the record.
const LONGEST_RESULT: u64 = 4 * 1024 * 1024;

/// What is wrong with what a stage handed over.
type Lie = String;

/// Reads what the stage says that it did.
pub(super) fn read_result(stage: &Stage, folder: &Path) -> Result<TaskResult, PipelineError> {
    look_at_result(stage, &folder.join(RESULT_FILE)).map_err(|how| PipelineError::Protocol {
        stage: stage.name.clone(),
        how,
    })
}

fn look_at_result(stage: &Stage, path: &Path) -> Result<TaskResult, Lie> {
    let meta = std::fs::symlink_metadata(path)
        .map_err(|error| format!("it ended well without a {RESULT_FILE}: {error}"))?;
    if !meta.is_file() {
        return Err(format!("its {RESULT_FILE} is not a file"));
    }
    if meta.len() > LONGEST_RESULT {
        return Err(format!(
            "its {RESULT_FILE} has {} bytes; more than {LONGEST_RESULT} are not read",
            meta.len()
        ));
    }
    let mut bytes = Vec::new();
    fs_err::File::open(path)
        .and_then(|file| file.take(LONGEST_RESULT).read_to_end(&mut bytes))
        .map_err(|error| format!("its {RESULT_FILE} cannot be read: {error}"))?;
    let result: TaskResult = serde_json::from_slice(&bytes).map_err(|error| {
        let null = if bytes.windows(4).any(|word| word == b"null") {
            " (a figure that is not a number, NaN, is written as null)"
        } else {
            ""
        };
        format!("its {RESULT_FILE} is not what the protocol asks for: {error}{null}")
    })?;
    if result.protocol != PROTOCOL {
        return Err(format!(
            "its {RESULT_FILE} is of version {} of the protocol, not {PROTOCOL}",
            result.protocol
        ));
    }
    let is_output = |name: &String| stage.kind.outputs.iter().any(|output| output.name == *name);
    if let Some(name) = result.rows_out.keys().find(|name| !is_output(name)) {
        return Err(format!(
            "its {RESULT_FILE} counts rows of `{}`, which is none of its outputs",
            super::events::plain(name)
        ));
    }
    if let Some(name) = result.metrics.keys().find(|name| !is_metric_name(name)) {
        return Err(format!(
            "its {RESULT_FILE} has a metric of the name `{}`",
            super::events::plain(name)
        ));
    }
    Ok(result)
}

/// Names stand in tables and paths of figures: no spaces, nothing that steers a terminal.
fn is_metric_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && !name.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Checks that the outputs are those declared and takes them into the store. Also says what else lies
/// in the folder: it is not kept.
pub(super) fn take(
    project: &Project,
    stage: &Stage,
    folder: &Path,
    result: &TaskResult,
) -> Result<(BTreeMap<String, Object>, Option<String>), PipelineError> {
    let lied = |how| PipelineError::Protocol {
        stage: stage.name.clone(),
        how,
    };
    for output in &stage.kind.outputs {
        look_at(folder, output, result).map_err(lied)?;
    }
    let extra = undeclared(stage, folder)?;
    let mut objects = BTreeMap::new();
    for output in &stage.kind.outputs {
        let path = folder.join(&output.file_name);
        let object = project
            .store
            .put_object(&path, &output.file_name, &project.memo)?;
        objects.insert(output.name.clone(), object);
    }
    Ok((objects, extra))
}

fn look_at(folder: &Path, output: &Output, result: &TaskResult) -> Result<(), Lie> {
    let path = folder.join(&output.file_name);
    let meta = std::fs::symlink_metadata(&path)
        .map_err(|_missing| format!("its output `{}` is missing", output.name))?;
    let as_declared = match output.form {
        Form::Folder => meta.is_dir(),
        Form::Any => meta.is_file() || meta.is_dir(),
        Form::Table { .. } | Form::OneOf(_) | Form::File | Form::Network | Form::Source { .. } => {
            meta.is_file()
        }
    };
    if !as_declared {
        let is = if meta.is_symlink() {
            "a symbolic link"
        } else if meta.is_dir() {
            "a folder"
        } else if meta.is_file() {
            "a file"
        } else {
            "neither a file nor a folder"
        };
        return Err(format!(
            "its output `{}` is not the {} that it declares, but {is}",
            output.name, output.form
        ));
    }
    own(&path, &output.name)?;
    if let Form::Table { table, version, .. } = &output.form {
        let footer = TableFooter::read(&path).map_err(|error| {
            format!(
                "its output `{}` is not the {} that it declares: {error}",
                output.name, output.form
            )
        })?;
        if footer.name.as_ref() != Some(table)
            || footer.version.as_ref() != Some(&version.to_string())
        {
            return Err(format!(
                "its output `{}` is not the {} that it declares, but {}",
                output.name,
                output.form,
                match (&footer.name, &footer.version) {
                    (Some(name), Some(version)) =>
                        format!("is a `{name}` table (version {version})"),
                    _ => "was not written by cinescore".to_owned(),
                }
            ));
        }
        if let Some(rows) = result.rows_out.get(&output.name)
            && *rows != footer.rows
        {
            return Err(format!(
                "it says that its output `{}` has {rows} rows, but it has {}",
                output.name, footer.rows
            ));
        }
    }
    Ok(())
}

/// Refuses whatever in an output is not plainly its own bytes: links, devices, sockets. A file that has
/// another name as well (a hard link) becomes a copy, so that nobody can change the object by that name.
fn own(path: &Path, output: &str) -> Result<(), Lie> {
    let unreadable = |error| format!("its output `{output}` cannot be read: {error}");
    let meta = fs_err::symlink_metadata(path).map_err(unreadable)?;
    if meta.is_dir() {
        for entry in fs_err::read_dir(path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if entry.file_name().to_str().is_none() {
                return Err(format!(
                    "its output `{output}` holds a name that is not UTF-8: `{}`",
                    super::events::plain(&entry.path().to_string_lossy())
                ));
            }
            own(&entry.path(), output)?;
        }
        return Ok(());
    }
    if !meta.is_file() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is = if meta.is_symlink() {
            "a symbolic link"
        } else {
            "neither a file nor a folder"
        };
        return Err(format!(
            "its output `{output}` holds `{}`, which is {is}",
            super::events::plain(&name)
        ));
    }
    if meta.nlink() > 1 {
        let folder = path.parent().unwrap_or(Path::new("."));
        let copy = tempfile::Builder::new()
            .prefix(".copy-")
            .tempfile_in(folder)
            .map_err(unreadable)?;
        fs_err::copy(path, copy.path()).map_err(unreadable)?;
        copy.persist(path)
            .map_err(|error| unreadable(error.error))?;
    }
    Ok(())
}

fn undeclared(stage: &Stage, folder: &Path) -> Result<Option<String>, PipelineError> {
    let mut extra = Vec::new();
    for entry in fs_err::read_dir(folder).map_err(PipelineError::io("read", folder))? {
        let entry = entry.map_err(PipelineError::io("read", folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_declared = name == RESULT_FILE
            || stage
                .kind
                .outputs
                .iter()
                .any(|output| output.file_name == name);
        if !is_declared {
            extra.push(format!("`{}`", super::events::plain(&name)));
        }
    }
    extra.sort();
    let more = extra.len().saturating_sub(5);
    extra.truncate(5);
    if more > 0 {
        extra.push(format!("{more} more"));
    }
    Ok((!extra.is_empty()).then(|| {
        format!(
            "it also wrote {}, which it does not declare: not kept",
            extra.join(", ")
        )
    }))
}
