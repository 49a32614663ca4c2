//! The pipelines that the tests run.

use cinescore_tests::Project;

/// Every stage, on sample data small enough for seconds. `vars.epochs` is there to be changed.
const WHOLE: &str = r#"
version: 1
vars: {epochs: 1}
stages:
  sample:
    run: ingest sample
    params: {seed: 3, reviews: 300, unlabelled: 20, other_titles: 50, ratings: 500}
  reviews:
    run: ingest reviews
    inputs: {aclimdb: sample.aclimdb, titles: sample.titles, movielens: sample.movielens}
  text:
    run: featurize text
    inputs: {reviews: reviews.reviews}
    params: {vocabulary: 400, max_length: 40}
  net:
    run: train fit
    inputs: {examples: text.tokens, encoder: text.encoder, network: tiny.yaml}
    params: {task: binary, seed: 5, epochs: "${epochs}", batch: 16}
    resources: {threads: 2}
  report:
    run: report
    inputs: {reviews: reviews, text: text, nets: net}
"#;

/// The pipeline `whole`, whose report tells the times of the runs that computed what it shows.
pub(crate) fn with_records() -> Project {
    let project = whole();
    let told = WHOLE.replace("    run: report\n", "    run: report\n    records: true\n");
    project.write("pipelines/whole.yaml", told);
    project
}

/// A network that an epoch of which takes a moment.
pub(crate) const TINY: &str = r#"
name: tiny
about: An LSTM of eight units.
params: {units: 8}
input: {kind: tokens, embedding: {size: 8}}
layers:
  - lstm: {units: "${units}"}
  - pool: last
head: {dense: 1}
"#;

/// `ingest reviews` alone, on what lies in `data/`.
const REVIEWS: &str = r#"
version: 1
vars: {data: data}
stages:
  reviews:
    run: ingest reviews
    inputs: {aclimdb: "${data}", titles: "${data}"}
"#;

/// The stages of `whole`, in order.
pub(crate) const WHOLE_STAGES: [&str; 5] = ["sample", "reviews", "text", "net", "report"];

/// A project with the pipeline `whole`.
pub(crate) fn whole() -> Project {
    let project = Project::new();
    project.write("pipelines/whole.yaml", WHOLE);
    project.write("pipelines/tiny.yaml", TINY);
    project
}

/// A project with the pipeline `raw` and, in `data/`, a handful of reviews in Stanford's layout.
pub(crate) fn raw() -> Project {
    let project = Project::new();
    project.write("pipelines/raw.yaml", REVIEWS);
    for half in ["train", "test"] {
        for (class, scores) in [("neg", [1, 4]), ("pos", [7, 10])] {
            let mut urls = String::new();
            for (id, score) in scores.iter().enumerate() {
                let text = format!("Review {id} of {half}, {class}.<br />It gets {score}.");
                project.write(
                    &format!("data/aclImdb/{half}/{class}/{id}_{score}.txt"),
                    text,
                );
                urls.push_str("http://www.imdb.com/title/tt0111161/usercomments\n");
            }
            project.write(&format!("data/aclImdb/{half}/urls_{class}.txt"), urls);
        }
    }
    project.write(
        "data/title.basics.tsv",
        "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n\
         tt0111161\tmovie\tThe Shawshank Redemption\tThe Shawshank Redemption\t0\t1994\t\\N\t142\tDrama\n",
    );
    project
}
