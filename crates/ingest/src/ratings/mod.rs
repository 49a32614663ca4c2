//! The kind `ratings`: MovieLens' ratings as a table.
//!
//! Owns the table's rows. Does not own the format of the source (`movielens`). Reads `ratings.csv` once,
//! whatever its size: memory holds a few row groups. Writes the tables `ratings` and `rejects`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int32Array, Int64Array};
use cinescore_artifact::StageError;
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::table::{EncodedGroup, GroupEncoder, TableWriter};
use cinescore_artifact::tables::{self, RATINGS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::ReadError;
use crate::input;
use crate::movielens::ratings::{Rating, SOURCE, read};
use crate::movielens::{self, source::Source};
use crate::rejects::{MaxRejects, Rejects};
use crate::watch::Watch;

/// Parameters of `ratings`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RatingsParams {
    /// Input rows that may be refused before the stage fails: a whole number, or a share of all rows below 1.
    pub max_rejects: MaxRejects,
}

impl Default for RatingsParams {
    fn default() -> Self {
        Self {
            max_rejects: MaxRejects::Count(100),
        }
    }
}

/// The description of this kind.
pub fn kind() -> Kind {
    Kind::new("ratings", "Makes a table of MovieLens' ratings.", run)
        .input(Input::source(
            "movielens",
            &movielens::ACCEPTS,
            "MovieLens, its zip archive or folder",
        ))
        .output(Output::table("ratings", &RATINGS, "the ratings"))
        .output(Output::table(
            "rejects",
            &tables::REJECTS,
            "the input rows that were refused",
        ))
}

fn run(params: RatingsParams, context: &mut TaskContext) -> Result<(), StageError> {
    let path = context.input("movielens")?.path.clone();
    let watch = Watch::of(context, input::size(&path));
    let mut rejects = Rejects::new(params.max_rejects);
    let mut source = Source::open(&path, &watch)?;
    let member = source.member("ratings.csv", &watch)?;
    let mut writer = TableWriter::create(&context.output("ratings"), &RATINGS)?.by_groups()?;
    let encoder = writer.encoder();
    let mut waiting: Vec<Rating> = Vec::with_capacity(RATINGS.row_group_rows);
    let rows_in = read(
        member,
        context.threads(),
        &mut rejects,
        &watch,
        |rows: &mut Vec<Rating>, rating| rows.push(rating),
        |mut rows| {
            // Row groups have one size, so that the file does not depend on how the source was cut.
            while waiting.len() + rows.len() >= RATINGS.row_group_rows {
                let missing = RATINGS.row_group_rows - waiting.len();
                waiting.extend(rows.drain(..missing));
                writer.append(encode(&encoder, &waiting)?)?;
                waiting.clear();
            }
            waiting.extend(rows);
            Ok(())
        },
    )?;
    rejects.check(rows_in)?;
    if !waiting.is_empty() {
        writer.append(encode(&encoder, &waiting)?)?;
    }
    let written = writer.finish()?;
    let result = context.result();
    result.rows_in.insert(SOURCE.into(), rows_in);
    result.rows_out.insert("ratings".into(), written);
    rejects.write(context)
}

fn encode(encoder: &GroupEncoder, rows: &[Rating]) -> Result<EncodedGroup, ReadError> {
    // Ids are below 2^31.
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(
            rows.iter().map(|row| row.user as i32),
        )),
        Arc::new(Int32Array::from_iter_values(
            rows.iter().map(|row| row.movie as i32),
        )),
        Arc::new(Float32Array::from_iter_values(
            rows.iter().map(|row| f32::from(row.half_stars) / 2.0),
        )),
        Arc::new(Int64Array::from_iter_values(
            rows.iter().map(|row| i64::from(row.timestamp)),
        )),
    ];
    Ok(encoder.encode(&RATINGS.batch(columns)?)?)
}
