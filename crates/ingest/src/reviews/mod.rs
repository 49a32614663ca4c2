//! The kind `reviews`: Stanford's reviews with what IMDb and MovieLens know of their movies.
//!
//! Owns the order of the work, the accounting (rows in = rows out + refused, for every source) and the
//! `reviews` table's rows. Does not own the formats (`aclimdb`, `titles`, `movielens`) or the joins
//! (`join`). Reads the three sources; writes the tables `reviews` and `rejects`.

mod aclimdb;
mod join;
mod member;
mod rows;
mod titles;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use arrow::array::{Array as _, RecordBatch, StringArray};
use arrow::error::ArrowError;
use cinescore_artifact::StageError;
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::table::TableWriter;
use cinescore_artifact::tables;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::ReadError;
use crate::input;
use crate::movielens::{self, links, ratings, source::Source, statistics};
use crate::rejects::{MaxRejects, Rejects};
use crate::watch::Watch;
use aclimdb::Reviews;
use join::{Matches, MovieLens};
use titles::Titles;

/// Parameters of `reviews`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReviewsParams {
    /// Input rows, of all sources together, that may be refused before the stage fails: a whole number, or a
    /// share of all rows below 1.
    pub max_rejects: MaxRejects,
}

impl Default for ReviewsParams {
    fn default() -> Self {
        // The real sources have none; the original `title.basics` has had a handful at times. A wrong file
        // has thousands.
        Self {
            max_rejects: MaxRejects::Count(100),
        }
    }
}

/// The description of this kind.
pub fn kind() -> Kind {
    Kind::new(
        "reviews",
        "Joins reviews with IMDb's titles and MovieLens' ratings.",
        run,
    )
    .input(Input::source(
        "aclimdb",
        &["aclImdb_v1*.tar.gz", "aclImdb/"],
        "Stanford's Large Movie Review Dataset",
    ))
    .input(Input::source(
        "titles",
        &["title.basics.tsv.gz", "title.basics.tsv"],
        "IMDb's titles",
    ))
    .input(
        Input::source(
            "movielens",
            &movielens::ACCEPTS,
            "MovieLens; without it the columns from it are null",
        )
        .optional(),
    )
    .output(Output::table(
        "reviews",
        &tables::REVIEWS,
        "the reviews with what is known of their movies",
    ))
    .output(Output::table(
        "rejects",
        &tables::REJECTS,
        "the input rows that were refused",
    ))
}

/// What was read and joined, before it is written.
struct Joined {
    reviews: Reviews,
    titles: Titles,
    matches: Matches,
    rejects: Rejects,
    rows_in: BTreeMap<&'static str, u64>,
}

fn run(params: ReviewsParams, context: &mut TaskContext) -> Result<(), StageError> {
    let aclimdb = context.input("aclimdb")?.path.clone();
    let titles = context.input("titles")?.path.clone();
    let movielens = context
        .optional_input("movielens")
        .map(|input| input.path.clone());
    let sources = [Some(&aclimdb), Some(&titles), movielens.as_ref()];
    let watch = Watch::of(
        context,
        sources
            .into_iter()
            .flatten()
            .map(|path| input::size(path))
            .sum(),
    );
    let joined = read_and_join(
        &aclimdb,
        &titles,
        movielens.as_deref(),
        &params,
        context.threads(),
        &watch,
    )?;

    let mut writer = TableWriter::create(&context.output("reviews"), &tables::REVIEWS)?;
    for batch in batches(&joined) {
        context.check_interrupt()?;
        writer.write(&batch.map_err(ReadError::from)?)?;
    }
    let written = writer.finish()?;

    report(&joined, movielens.is_some(), context);
    context.result().rows_out.insert("reviews".into(), written);
    joined.rejects.write(context)
}

fn read_and_join(
    aclimdb: &Path,
    titles: &Path,
    movielens: Option<&Path>,
    params: &ReviewsParams,
    threads: usize,
    watch: &Watch<'_>,
) -> Result<Joined, ReadError> {
    let mut rejects = Rejects::new(params.max_rejects);
    let reviews = aclimdb::read(aclimdb, &mut rejects, watch)?;
    let mut rows_in = BTreeMap::from([
        (aclimdb::SOURCE, reviews.rows_in),
        (aclimdb::URLS_SOURCE, reviews.urls_in),
    ]);

    let tconst: Vec<Option<&str>> = reviews
        .rows
        .iter()
        .map(|review| reviews.tconst(review))
        .collect();
    let needed: HashSet<&str> = tconst.iter().copied().flatten().collect();
    let titles = titles::read(titles, &needed, threads, &mut rejects, watch)?;
    rows_in.insert(titles::SOURCE, titles.rows_in);

    let movielens = match movielens {
        Some(path) => {
            let mut source = Source::open(path, watch)?;
            let links = links::read(source.member("links.csv", watch)?, &mut rejects, watch)?;
            let member = source.member("ratings.csv", watch)?;
            let statistics = statistics::read(member, threads, &mut rejects, watch)?;
            rows_in.insert(links::SOURCE, links.rows_in);
            rows_in.insert(ratings::SOURCE, statistics.rows_in);
            Some(MovieLens {
                links: links.columns,
                ratings: statistics.columns,
            })
        }
        None => None,
    };
    rejects.check(rows_in.values().sum())?;
    let matches = join::join(StringArray::from(tconst), titles.tconst.clone(), movielens)?;
    Ok(Joined {
        reviews,
        titles,
        matches,
        rejects,
        rows_in,
    })
}

/// The rows of the `reviews` table, a row group at a time.
fn batches(joined: &Joined) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> {
    let step = tables::REVIEWS.row_group_rows;
    (0..joined.reviews.rows.len())
        .step_by(step)
        .map(move |start| {
            rows::batch(
                &joined.reviews,
                &joined.titles,
                &joined.matches,
                start,
                step,
            )
        })
}

/// Fills in what the result says: rows, refusals, matches, and reviews by split and score.
fn report(joined: &Joined, with_movielens: bool, context: &mut TaskContext) {
    let Joined {
        reviews,
        titles,
        matches,
        rows_in,
        ..
    } = joined;
    let mut splits: BTreeMap<&str, u64> = BTreeMap::new();
    let mut scores: BTreeMap<&str, BTreeMap<u8, u64>> = BTreeMap::new();
    for review in &reviews.rows {
        let split = review.folder.split();
        *splits.entry(split).or_default() += 1;
        if let Some(score) = review.score {
            *scores.entry(split).or_default().entry(score).or_default() += 1;
        }
    }
    let without_title_id = reviews
        .rows
        .iter()
        .filter(|review| reviews.tconst(review).is_none())
        .count();
    if without_title_id > 0 {
        let rows = reviews.rows.len();
        context.warn(format!("{without_title_id} of {rows} reviews have no line with an IMDb title in the `urls_*.txt` files"));
    }
    let found = |nulls: usize| json!(reviews.rows.len() - nulls);
    let movielens = if with_movielens {
        "joined"
    } else {
        "not given: its columns are null"
    };

    let result = context.result();
    result.rows_in = rows_in
        .iter()
        .map(|(source, rows)| ((*source).to_owned(), *rows))
        .collect();
    let mut fact = |name: String, value: Value| result.facts.insert(name, value);
    fact("movielens".into(), json!(movielens));
    fact(
        "reviews.with_title".into(),
        found(matches.title_row.null_count()),
    );
    fact(
        "reviews.with_movielens".into(),
        found(matches.movie_id.null_count()),
    );
    fact("reviews.without_tconst".into(), json!(without_title_id));
    fact("titles.kept".into(), json!(titles.tconst.len()));
    for (split, count) in splits {
        fact(format!("reviews.{split}"), json!(count));
    }
    for (split, scores) in scores {
        for (score, count) in scores {
            fact(format!("scores.{split}.{score}"), json!(count));
        }
    }
}
