//! The kind `bags`: reviews to sparse counts of their n-grams.
//!
//! Owns the passes and the tables `bags` and `ngrams`, and `bags.json`, which turns another text into the
//! same values. Does not own the terms (`preprocess`) nor which review is in which split (`division`).
//!
//! An n-gram is one to three terms in a row. Terms are counted first; an n-gram that occurs `min_count`
//! times is made of terms that do, so that the rest never enters the second count, and its hash is seen as often,
//! so that most of what occurs once does not either. Hashed, there is no count and no vocabulary. Nothing but the training split decides on n-grams and weights; word classes may be learned from texts without scores too, which `classes_from` says.

mod encoder;
mod ending;
mod hashing;
mod names;
mod ngrams;
mod params;
mod shapes;
mod shares;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, ListArray, RecordBatch, StringArray, UInt32Array,
    UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::filter;
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use cinescore_artifact::describe::Output;
use cinescore_artifact::encoder::TERMS_KEY;
use cinescore_artifact::program::{Kind, TaskContext};
use cinescore_artifact::table::{TableError, TableWriter};
use cinescore_artifact::task::write_atomically;
use cinescore_artifact::{StageError, Strings, tables};

pub use encoder::{BagEncoder, BagEncoderError, BagFile, BagScratch, Bags};
pub use ngrams::{Ngram, NgramCounter};
pub use params::{BagParams, ClassTexts, Indices, Norm, Values};

use crate::classes::{self, Classes, Surroundings};
use crate::count::{Numbering, Wanted};
use crate::counted::CountedTexts;
use crate::division;
use crate::encode::Known;
use crate::preprocess::Preprocessing;
use crate::reviews::{ReviewsError, class_of, each_batch, texts_of};
use crate::split::{Assignment, Split};
use crate::text::{Throughput, count_texts, is_train, known_texts, missing, write};

/// The kind, for the program.
pub fn kind() -> Kind {
    let kind = Kind::new(
        "bags",
        "Turn reviews into sparse bags of words and n-grams, weighted on the training split",
        run,
    );
    division::inputs(kind)
        .output(Output::table(
            "bags",
            &tables::BAGS,
            "the n-grams of each review and its split",
        ))
        .output(Output::table(
            "ngrams",
            &tables::NGRAMS,
            "the n-grams that have numbers, with their counts and weights",
        ))
        .output(Output::file(
            "encoder",
            "bags.json",
            "all that turns another text into a bag in the same way",
        ))
        .sharded(shares::share, shares::merge)
}

/// What is known before an n-gram is counted.
struct Begun {
    path: PathBuf,
    text: Preprocessing,
    splits: Vec<Option<Split>>,
    /// Reviews of the training split.
    training: u64,
    classes: Option<Classes>,
}

/// Divides the reviews among the splits, and learns the word classes.
fn begin(params: &BagParams, context: &mut TaskContext) -> Result<Begun, StageError> {
    params.check()?;
    let text = params.terms.preprocessing(context)?;
    let path = context.input("reviews")?.path.clone();
    let assignment = division::divide(&path, &params.split, context)?;
    let training = assignment.sizes.get(&Split::Train);
    let training = training.map_or(0, |size| size.reviews);
    let classes = match params.classes {
        0 => None,
        wanted => {
            let texts = texts_of_classes(&assignment, params.classes_from);
            let learned = learn(&path, &texts, &text, wanted, context)?;
            Some(learned).filter(|classes| !classes.words().is_empty())
        }
    };
    Ok(Begun {
        path,
        text,
        splits: assignment.splits,
        training,
        classes,
    })
}

/// Does the work of the kind.
pub fn run(params: BagParams, context: &mut TaskContext) -> Result<(), StageError> {
    let begun = begin(&params, context)?;
    work(&begun, &params, context)
}

/// The work after the beginning, in one piece.
fn work(begun: &Begun, params: &BagParams, context: &mut TaskContext) -> Result<(), StageError> {
    let mut encoder = fit(begun, params, context)?;
    let sums = weigh(begun, &mut encoder, params, context)?;
    write_encoder(&encoder, &sums, context)?;
    encode(&begun.path, &begun.splits, &encoder, context)
}

/// Writes the encoder, and its n-grams as a table.
fn write_encoder(
    encoder: &BagEncoder,
    sums: &[Sums],
    context: &mut TaskContext,
) -> Result<(), StageError> {
    let mut json = serde_json::to_vec(&encoder.to_file()).map_err(StageError::failed)?;
    json.push(b'\n');
    write_atomically(&context.output("encoder"), &json)?;
    write("ngrams", &tables::NGRAMS, encoder.batch(sums), context)?;
    let facts = &mut context.result().facts;
    facts.insert("ngrams".into(), encoder.width().into());
    Ok(())
}

/// Chooses the n-grams that have numbers.
fn fit(
    begun: &Begun,
    params: &BagParams,
    context: &mut TaskContext,
) -> Result<BagEncoder, StageError> {
    let chosen = match params.indices {
        Indices::Hashed => Vec::new(),
        Indices::Vocabulary => {
            let (mut counter, counted) = counter(begun, params, context)?;
            if params.sifts() {
                sift(&mut counter, &counted, begun, context)?;
            }
            each_training_batch(&counted, begun, context, "counting n-grams", |known| {
                counter.add(known, params.min_count);
            })?;
            counter.finish(params.size as usize, params.min_count)
        }
    };
    encoder_of(chosen, begun, params)
}

/// A counter of n-grams of the training split's terms, and what counting these left of the texts.
fn counter(
    begun: &Begun,
    params: &BagParams,
    context: &mut TaskContext,
) -> Result<(NgramCounter, CountedTexts), StageError> {
    let wanted = Wanted {
        limit: usize::MAX,
        min_count: params.min_count,
        numbering: Numbering::Frequency,
    };
    let Begun { path, text, .. } = begun;
    let (terms, counted) = count_texts(path, &begun.splits, text, wanted, context)?;
    if terms.distinct == 0 {
        let reviews = begun.training;
        return Err(StageError::input(ReviewsError::NoWords { reviews }));
    }
    let mut counter = NgramCounter::new(text.clone(), terms, params.ngrams);
    counter.with_ending(params.ending);
    if let Some(classes) = &begun.classes {
        counter.with_classes(classes);
        // What counting left of a text does not say which class a rare term has.
        return Ok((counter, CountedTexts::default()));
    }
    Ok((counter, counted))
}

/// Counts the n-grams of the training split by their hashes.
fn sift(
    counter: &mut NgramCounter,
    counted: &CountedTexts,
    begun: &Begun,
    context: &mut TaskContext,
) -> Result<(), StageError> {
    each_training_batch(counted, begun, context, "sifting n-grams", |known| {
        counter.sift(known);
    })
}

/// Gives the training reviews to `work`, batch by batch.
fn each_training_batch(
    counted: &CountedTexts,
    begun: &Begun,
    context: &mut TaskContext,
    what: &str,
    mut work: impl FnMut(&[Known<'_>]) + Send,
) -> Result<(), StageError> {
    let mut throughput = Throughput::of(&begun.splits, is_train);
    let mut training = 0;
    each_batch(&begun.path, &["text"], &begun.splits, |batch, splits| {
        context.check_interrupt()?;
        let texts = texts_of(batch, splits, is_train);
        work(&known_texts(
            &texts,
            splits,
            is_train,
            counted,
            &mut training,
        ));
        throughput.add(&texts, "training reviews", what, context);
        Ok(())
    })
}

/// The encoder of the n-grams that were chosen, not weighted yet.
fn encoder_of(
    chosen: Vec<Box<str>>,
    begun: &Begun,
    params: &BagParams,
) -> Result<BagEncoder, StageError> {
    if params.indices == Indices::Vocabulary && chosen.is_empty() {
        let message = format!(
            "no n-gram occurs {} times in the training split",
            params.min_count
        );
        return Err(StageError::input(message).hint("lower `min_count`"));
    }
    let mut settings = params.settings();
    if let Some(classes) = &begun.classes {
        settings.classes = classes.words().to_vec();
    }
    let chosen = Strings::of(chosen).map_err(StageError::failed)?;
    BagEncoder::new(begun.text.clone(), settings, chosen).map_err(StageError::failed)
}

/// Learns word classes from texts: those with a split in `texts`, as the training split.
fn learn(
    path: &Path,
    texts: &[Option<Split>],
    text: &Preprocessing,
    wanted: u32,
    context: &mut TaskContext,
) -> Result<Classes, StageError> {
    let kept = Wanted {
        limit: classes::WORDS,
        min_count: classes::MIN_COUNT,
        numbering: Numbering::Frequency,
    };
    let (terms, counted) = count_texts(path, texts, text, kept, context)?;
    let words: Vec<Box<str>> = terms.terms.iter().map(|(name, _)| name.clone()).collect();
    let mut numbers = NgramCounter::new(text.clone(), terms, 1);
    let mut surroundings = Surroundings::new(words.len() as u32);
    let mut throughput = Throughput::of(texts, is_train);
    let mut place = 0;
    each_batch(path, &["text"], texts, |batch, splits| {
        context.check_interrupt()?;
        let texts = texts_of(batch, splits, is_train);
        let known = known_texts(&texts, splits, is_train, &counted, &mut place);
        surroundings.add(&numbers.numbers(&known));
        throughput.add(&texts, "reviews", "learning word classes", context);
        Ok(())
    })?;
    let learned = Classes::learn(&words, surroundings, wanted);
    if learned.words().is_empty() {
        context.warn(format!(
            "no word class was learned: {} words occur {} times, and none of them near another one more often than by chance",
            words.len(),
            classes::MIN_COUNT
        ));
    }
    let facts = &mut context.result().facts;
    facts.insert("word_classes".into(), learned.words().len().into());
    let inside: usize = learned.words().iter().map(Vec::len).sum();
    facts.insert("words_in_classes".into(), inside.into());
    Ok(learned)
}

/// The reviews that word classes are learned from, as a training split.
fn texts_of_classes(assignment: &Assignment, from: ClassTexts) -> Vec<Option<Split>> {
    let rows = assignment.splits.iter().zip(&assignment.unused);
    rows.map(|(split, unused)| {
        let more = *unused && from == ClassTexts::Unlabelled;
        (*split == Some(Split::Train) || more).then_some(Split::Train)
    })
    .collect()
}

/// What the training split says of each number.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sums {
    pub(crate) count: u64,
    pub(crate) documents: u64,
    /// Positive and negative reviews that have it.
    pub(crate) classes: [u64; 2],
}

/// Counts what the weights are made of, and sets them.
fn weigh(
    begun: &Begun,
    encoder: &mut BagEncoder,
    params: &BagParams,
    context: &mut TaskContext,
) -> Result<Vec<Sums>, StageError> {
    let mut summed = Summed::of(encoder);
    let columns = ["text", "score", "polarity"];
    each_batch(&begun.path, &columns, &begun.splits, |batch, splits| {
        context.check_interrupt()?;
        let texts = texts_of(batch, splits, is_train);
        summed.add(batch, splits, encoder.count_batch(&texts));
        Ok(())
    })?;
    summed.weigh(encoder, params, begun.training)
}

/// The sums over the training split.
struct Summed {
    sums: Vec<Sums>,
    /// Negative and positive reviews.
    classes: [u64; 2],
}

impl Summed {
    fn of(encoder: &BagEncoder) -> Self {
        Self {
            sums: vec![Sums::default(); encoder.width()],
            classes: [0; 2],
        }
    }

    /// Adds what the training reviews of a batch have.
    fn add(
        &mut self,
        batch: &RecordBatch,
        splits: &[Option<Split>],
        bags: impl IntoIterator<Item = Vec<(u32, u32)>>,
    ) {
        let rows = splits.iter().enumerate();
        let rows = rows.filter(|(_row, split)| is_train(**split));
        for ((row, _split), bag) in rows.zip(bags) {
            let class = class_of(batch, row);
            if let Some(class) = class {
                self.classes[class] += 1;
            }
            for (index, count) in bag {
                let sum = &mut self.sums[index as usize];
                sum.count += u64::from(count);
                sum.documents += 1;
                if let Some(class) = class {
                    sum.classes[class] += 1;
                }
            }
        }
    }

    /// Sets the weights of a training split of so many reviews.
    fn weigh(
        self,
        encoder: &mut BagEncoder,
        params: &BagParams,
        training: u64,
    ) -> Result<Vec<Sums>, StageError> {
        if params.values == Values::LogCountRatio && self.classes.contains(&0) {
            let message = "log-count ratios need positive and negative training reviews";
            return Err(StageError::input(message)
                .hint("choose other `values`, or give reviews with both labels"));
        }
        encoder.weigh(&self.sums, training);
        Ok(self.sums)
    }
}

fn encode(
    path: &Path,
    splits: &[Option<Split>],
    encoder: &BagEncoder,
    context: &mut TaskContext,
) -> Result<(), StageError> {
    let mut writer = BagWriter::create(encoder, context)?;
    let mut throughput = Throughput::of(splits, |split| split.is_some());
    let columns = ["review_id", "text", "score", "polarity"];
    each_batch(path, &columns, splits, |batch, splits| {
        context.check_interrupt()?;
        let texts = texts_of(batch, splits, |split| split.is_some());
        let bags = encoder.encode_batch(&texts);
        throughput.add(&texts, "reviews", "encoding", context);
        writer.write(batch, splits, bags)
    })?;
    throughput.end("encode_mb_per_sec", context);
    writer.finish(context)
}

/// Writes the table `bags`.
struct BagWriter {
    path: PathBuf,
    writer: TableWriter,
    /// Bags without an n-gram.
    empty: u64,
}

impl BagWriter {
    fn create(encoder: &BagEncoder, context: &TaskContext) -> Result<Self, StageError> {
        let path = context.output("bags");
        let mut writer = TableWriter::create(&path, &tables::BAGS)?;
        writer.note(TERMS_KEY, encoder.terms().to_string());
        Ok(Self {
            path,
            writer,
            empty: 0,
        })
    }

    fn write(
        &mut self,
        batch: &RecordBatch,
        splits: &[Option<Split>],
        bags: Bags,
    ) -> Result<(), StageError> {
        self.empty += bags.lengths.iter().filter(|length| **length == 0).count() as u64;
        let rows = bags_batch(batch, splits, bags).map_err(|source| TableError::Arrow {
            path: self.path.clone(),
            source,
        })?;
        Ok(self.writer.write(&rows)?)
    }

    fn finish(self, context: &mut TaskContext) -> Result<(), StageError> {
        let rows = self.writer.finish()?;
        let result = context.result();
        result.rows_out.insert("bags".into(), rows);
        result.facts.insert("empty_bags".into(), self.empty.into());
        Ok(())
    }
}

/// Rows of the table `bags`, of the reviews that have a split.
fn bags_batch(
    batch: &RecordBatch,
    splits: &[Option<Split>],
    bags: Bags,
) -> Result<RecordBatch, ArrowError> {
    let wanted = BooleanArray::from_iter(splits.iter().map(|split| Some(split.is_some())));
    let kept = |name: &str| {
        let column = batch.column_by_name(name).ok_or_else(|| missing(name))?;
        filter(column, &wanted)
    };
    let Bags {
        indices,
        values,
        lengths,
    } = bags;
    let list = |item: DataType, values: ArrayRef| {
        let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
        let field = Arc::new(Field::new_list_field(item, true));
        ListArray::try_new(field, offsets, values, None)
    };
    let (indices, values) = (UInt32Array::from(indices), Float32Array::from(values));
    let columns: Vec<ArrayRef> = vec![
        kept("review_id")?,
        Arc::new(StringArray::from_iter_values(
            splits.iter().flatten().map(|split| split.name()),
        )),
        Arc::new(list(DataType::UInt32, Arc::new(indices))?),
        Arc::new(list(DataType::Float32, Arc::new(values))?),
        kept("score")?,
        kept("polarity")?,
    ];
    tables::BAGS.batch(columns)
}

impl BagEncoder {
    /// The rows of the table `ngrams`.
    fn batch(&self, sums: &[Sums]) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::from_iter_values((0..).take(sums.len()))),
            Arc::new(StringArray::from_iter(
                (0..sums.len()).map(|index| self.name(index)),
            )),
            Arc::new(UInt64Array::from_iter_values(
                sums.iter().map(|sum| sum.count),
            )),
            Arc::new(UInt64Array::from_iter_values(
                sums.iter().map(|sum| sum.documents),
            )),
            Arc::new(Float32Array::from_iter_values(
                (0..sums.len()).map(|index| self.weight(index)),
            )),
        ];
        tables::NGRAMS.batch(columns)
    }
}
