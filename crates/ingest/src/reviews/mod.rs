//! The kind `reviews`: Stanford's reviews, tables of one's own, or both, with what IMDb and MovieLens know of
//! their movies.
//!
//! Owns the order of the work, the accounting (rows in = rows out + refused, for every source) and the
//! `reviews` table's rows. Does not own the formats (`aclimdb`, `own`, `titles`, `movielens`) or the joins
//! (`join`, on a cluster `distributed`). Reads the sources that are given; writes the tables `reviews`, `unmatched` and `rejects`.

mod aclimdb;
mod checks;
mod distributed;
pub(crate) mod fuzz;
mod join;
mod member;
pub mod own;
mod rows;
mod titles;
mod unmatched;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use arrow::array::{Array as _, StringArray};
use cinescore_artifact::StageError;
use cinescore_artifact::describe::{Input, Output};
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::table::TableWriter;
use cinescore_artifact::tables;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::engine::{Engine, Far};
use crate::error::ReadError;
use crate::input;
use crate::movielens::{self, links, ratings, source::Source, statistics};
use crate::ordered;
use crate::rejects::{MaxRejects, Rejects};
use crate::watch::Watch;
use join::{Matches, MovieLens};
use own::columns::Columns;
use titles::Titles;
use unmatched::Unmatched;

/// Parameters of `reviews`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReviewsParams {
    /// Input rows, of all sources together, that may be refused before the stage fails: a whole number, or a
    /// share of all rows below 1.
    pub max_rejects: MaxRejects,
    /// Column of the text in tables of one's own; without it, a column of a usual name (`text`, `review`, ...).
    pub text_column: Option<String>,
    /// Column of the score there, 1 to 10 (usual: `score`, `rating`, `stars`; `""`: none, whatever there is. So
    /// for the others).
    pub score_column: Option<String>,
    /// Column of the sentiment there, positive or negative (usual: `sentiment`, `polarity`, `label`).
    pub sentiment_column: Option<String>,
    /// Column of the title's IMDb id there (usual: `tconst`, `imdb_id`).
    pub tconst_column: Option<String>,
    /// Column of the split there: train, test or unlabelled (usual: `split`).
    pub split_column: Option<String>,
    /// Column of an id there that may not come twice (usual: `review_id`, `id`).
    pub id_column: Option<String>,
    /// Share of the labelled rows that are test rows, where a table has no split column.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub test_share: f64,
    /// Where to join; in this process where it is not said. The tables are the same.
    pub engine: Option<Engine>,
    /// Of what an `engine` joined, the share of the titles whose reviews are joined again on this machine and compared. Beside that, each review
    /// must be there once, and whatever it found must have its key, always.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub verify_sample: f64,
}

impl ReviewsParams {
    fn columns(&self) -> Columns {
        Columns([
            self.text_column.clone(),
            self.score_column.clone(),
            self.sentiment_column.clone(),
            self.tconst_column.clone(),
            self.split_column.clone(),
            self.id_column.clone(),
        ])
    }
}

/// An accepted review, from any source.
struct Review {
    id: u64,
    /// `train`, `test` or `unlabelled`.
    split: &'static str,
    /// Name in the source: `train/pos/12_9.txt`, or `table 1 row 17`.
    member: Box<str>,
    tconst: Option<Box<str>>,
    score: Option<u8>,
    polarity: Option<u8>,
    text: String,
}

impl Default for ReviewsParams {
    fn default() -> Self {
        // The real sources have none; the original `title.basics` has had a handful at times. A wrong file
        // has thousands.
        Self {
            max_rejects: MaxRejects::Count(100),
            text_column: None,
            score_column: None,
            sentiment_column: None,
            tconst_column: None,
            split_column: None,
            id_column: None,
            test_share: 0.2,
            engine: None,
            verify_sample: 0.01,
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
    .input(
        Input::source(
            "aclimdb",
            &["aclImdb_v1*.tar.gz", "aclImdb/"],
            "Stanford's Large Movie Review Dataset",
        )
        .optional(),
    )
    .input(
        Input::file(
            "reviews",
            "reviews of one's own, CSV, JSON lines or Parquet; any number, with or without `aclimdb`",
        )
        .optional()
        .many(),
    )
    .input(
        Input::source(
            "titles",
            &["title.basics.tsv.gz", "title.basics.tsv"],
            "IMDb's titles; without them the columns from them are null",
        )
        .optional(),
    )
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
        "unmatched",
        &tables::UNMATCHED,
        "ids of reviewed titles that a source does not have",
    ))
    .output(Output::table(
        "rejects",
        &tables::REJECTS,
        "the input rows that were refused",
    ))
}

/// The paths of what was given.
struct Sources {
    aclimdb: Option<PathBuf>,
    own: Vec<PathBuf>,
    titles: Option<PathBuf>,
    movielens: Option<PathBuf>,
}

impl Sources {
    fn of(context: &TaskContext) -> Result<Self, StageError> {
        let one = |name| context.optional_input(name).map(|input| input.path.clone());
        let sources = Self {
            aclimdb: one("aclimdb"),
            own: context
                .inputs("reviews")
                .iter()
                .map(|input| input.path.clone())
                .collect(),
            titles: one("titles"),
            movielens: one("movielens"),
        };
        if sources.aclimdb.is_none() && sources.own.is_empty() {
            return Err(StageError::usage("there are no reviews to read")
                .hint("give `aclimdb`, `reviews` or both"));
        }
        Ok(sources)
    }

    /// Bytes on disk.
    fn size(&self) -> u64 {
        let one = [&self.aclimdb, &self.titles, &self.movielens];
        let all = one.into_iter().flatten().chain(&self.own);
        all.map(|path| input::size(path)).sum()
    }
}

/// What was read and joined, before it is written.
struct Joined {
    /// By id.
    reviews: Vec<Review>,
    titles: Titles,
    matches: Matches,
    /// Reviews that were joined again, of those that an engine joined.
    again: Option<u64>,
    rejects: Rejects,
    rows_in: BTreeMap<&'static str, u64>,
}

fn run(params: ReviewsParams, context: &mut TaskContext) -> Result<(), StageError> {
    let sources = Sources::of(context)?;
    let watch = Watch::of(context, sources.size());
    let joined = read_and_join(&sources, &params, context, &watch)?;

    let written = write(&joined, context, &watch)?;
    let unmatched = Unmatched::of(
        &joined.reviews,
        &joined.matches,
        sources.titles.is_some(),
        sources.movielens.is_some(),
    );
    let mut writer = TableWriter::create(&context.output("unmatched"), &tables::UNMATCHED)?;
    writer.write(&unmatched.batch().map_err(ReadError::from)?)?;
    let ids = writer.finish()?;

    report(&joined, &sources, &unmatched, context);
    let rows_out = &mut context.result().rows_out;
    rows_out.insert("reviews".into(), written);
    rows_out.insert("unmatched".into(), ids);
    joined.rejects.write(context)
}

fn read_and_join(
    sources: &Sources,
    params: &ReviewsParams,
    context: &TaskContext,
    watch: &Watch<'_>,
) -> Result<Joined, StageError> {
    let threads = context.threads();
    let mut rejects = Rejects::new(params.max_rejects);
    let mut rows_in = BTreeMap::new();
    let mut reviews = Vec::new();
    if let Some(path) = &sources.aclimdb {
        let read = aclimdb::read(path, &mut rejects, watch)?;
        rows_in.insert(aclimdb::SOURCE, read.rows_in);
        rows_in.insert(aclimdb::URLS_SOURCE, read.urls_in);
        reviews = read.rows;
    }
    let columns = params.columns();
    for (number, path) in (0..).zip(&sources.own) {
        let (rows, count) = own::read(
            path,
            number,
            &columns,
            params.test_share,
            &mut rejects,
            watch,
        )?;
        *rows_in.entry(own::SOURCE).or_default() += count;
        reviews.extend(rows);
    }
    reviews.sort_unstable_by_key(|review| review.id);

    let tconst: Vec<Option<&str>> = reviews
        .iter()
        .map(|review| review.tconst.as_deref())
        .collect();
    let titles = match &sources.titles {
        Some(path) => {
            let needed: HashSet<&str> = tconst.iter().copied().flatten().collect();
            let titles = titles::read(path, &needed, threads, &mut rejects, watch)?;
            rows_in.insert(titles::SOURCE, titles.rows_in);
            titles
        }
        None => Titles::none(),
    };
    let movielens = match &sources.movielens {
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
    let (own, others) = (StringArray::from(tconst), titles.tconst.clone());
    let (matches, again) = match &params.engine {
        None => (join::join(own, others, movielens)?, None),
        Some(Engine::Ballista(ballista)) => {
            let far = Far {
                ballista,
                verify_sample: params.verify_sample,
                scratch: context.scratch(),
            };
            let (matches, again) = distributed::join(&far, own, others, movielens, watch)?;
            (matches, Some(again))
        }
    };
    Ok(Joined {
        reviews,
        titles,
        matches,
        again,
        rejects,
        rows_in,
    })
}

/// Writes the `reviews` table, a row group at a time on every thread: compressing the texts is most of the work.
fn write(joined: &Joined, context: &TaskContext, watch: &Watch<'_>) -> Result<u64, StageError> {
    let mut writer =
        TableWriter::create_quickly(&context.output("reviews"), &tables::REVIEWS)?.by_groups()?;
    let encoder = writer.encoder();
    let step = tables::REVIEWS.row_group_rows;
    let mut starts = (0..joined.reviews.len()).step_by(step);
    ordered::map(
        context.threads(),
        || Ok(starts.next()),
        |start| {
            let Joined {
                reviews,
                titles,
                matches,
                ..
            } = joined;
            let batch = rows::batch(reviews, titles, matches, start, step)?;
            Ok((start + batch.num_rows(), encoder.encode(&batch)?))
        },
        |(done, group)| {
            watch.check()?;
            let all = joined.reviews.len() as u64;
            context
                .progress()
                .update(done as u64, Some(all), "reviews", "writing");
            Ok::<(), ReadError>(writer.append(group)?)
        },
    )?;
    Ok(writer.finish()?)
}

/// Fills in what the result says: rows, refusals, matches, and reviews by split and score.
fn report(joined: &Joined, sources: &Sources, unmatched: &Unmatched, context: &mut TaskContext) {
    let Joined {
        reviews,
        matches,
        rows_in,
        ..
    } = joined;
    let mut splits: BTreeMap<&str, u64> = BTreeMap::new();
    let mut scores: BTreeMap<&str, BTreeMap<u8, u64>> = BTreeMap::new();
    for review in reviews {
        let split = review.split;
        *splits.entry(split).or_default() += 1;
        if let Some(score) = review.score {
            *scores.entry(split).or_default().entry(score).or_default() += 1;
        }
    }
    let without_title_id = reviews
        .iter()
        .filter(|review| review.tconst.is_none())
        .count();
    if without_title_id > 0 && sources.own.is_empty() {
        let rows = reviews.len();
        context.warn(format!("{without_title_id} of {rows} reviews have no line with an IMDb title in the `urls_*.txt` files"));
    }
    let found = |nulls: usize| json!(reviews.len() - nulls);
    let given = |source: &Option<PathBuf>| match source {
        Some(_) => "joined",
        None => "not given: its columns are null",
    };

    let result = context.result();
    result.rows_in = rows_in
        .iter()
        .map(|(source, rows)| ((*source).to_owned(), *rows))
        .collect();
    let mut fact = |name: String, value: Value| result.facts.insert(name, value);
    fact("movielens".into(), json!(given(&sources.movielens)));
    fact("titles".into(), json!(given(&sources.titles)));
    for source in [titles::SOURCE, links::SOURCE] {
        fact(
            format!("unmatched.{source}"),
            json!(unmatched.count(source)),
        );
    }
    fact(
        "reviews.with_title".into(),
        found(matches.title_row.null_count()),
    );
    fact(
        "reviews.with_movielens".into(),
        found(matches.movie_id.null_count()),
    );
    fact("reviews.without_tconst".into(), json!(without_title_id));
    fact("titles.kept".into(), json!(joined.titles.tconst.len()));
    if let Some(again) = joined.again {
        fact("reviews.joined_again".into(), json!(again));
    }
    for (split, count) in splits {
        fact(format!("reviews.{split}"), json!(count));
    }
    for (split, scores) in scores {
        for (score, count) in scores {
            fact(format!("scores.{split}.{score}"), json!(count));
        }
    }
}
