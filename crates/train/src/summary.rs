//! The verb `summary`: a network's layers, what comes out of each, and how many numbers it has.
//!
//! Reads a network file and, for the number of ids, an encoder; builds nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use cinescore_artifact::StageError;
use cinescore_artifact::program::{Verb, print};
use cinescore_artifact::words::thousands;
use cinescore_model::bundle;
use cinescore_network::{self as network, NetworkSpec, Variable};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::Value;

/// The ids of an encoder that nobody named: what `featurize text` makes unless told otherwise.
const IDS: u32 = 5000;

/// The verb, for the program.
pub fn verb() -> Verb {
    let network = Arg::new("network")
        .required(true)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("The network file");
    let ids = Arg::new("ids")
        .long("ids")
        .value_name("N")
        .value_parser(value_parser!(u32).range(1..))
        .conflicts_with("encoder")
        .help(format!("Ids or n-grams of the encoder [default: {IDS}]"));
    let encoder = Arg::new("encoder")
        .long("encoder")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("The encoder, `encoder.json` or `bags.json`, which has so many");
    let set = Arg::new("set")
        .long("set")
        .value_name("NAME=VALUE")
        .action(ArgAction::Append)
        .help("A value for one of the network file's parameters");
    let command = Command::new("summary")
        .about("Show a network's layers, the shapes between them and its number of parameters")
        .after_help(
            "Example:\n  cinescore-train summary pipelines/networks/keras_lstm.yaml --set units=50",
        )
        .args([network, ids, encoder, set]);
    Verb::new(command, run)
}

fn run(matches: &ArgMatches) -> Result<(), StageError> {
    let path: &PathBuf = matches
        .get_one("network")
        .ok_or_else(|| StageError::usage("the network file is missing"))?;
    let text = fs_err::read_to_string(path).map_err(StageError::usage)?;
    let given = matches.get_many::<String>("set").unwrap_or_default();
    let params = given
        .map(|text| parameter(text))
        .collect::<Result<BTreeMap<String, Value>, _>>()?;
    let spec = network::parse(&text, path, &params).map_err(StageError::usage)?;
    let ids = ids(
        matches.get_one::<PathBuf>("encoder"),
        matches.get_one("ids"),
    )?;
    print(&summary(&spec, ids))
}

fn ids(encoder: Option<&PathBuf>, ids: Option<&u32>) -> Result<usize, StageError> {
    match encoder {
        Some(path) => {
            let (encoder, _bytes) =
                bundle::read_encoder(Path::new(path)).map_err(StageError::input)?;
            Ok(encoder.ids())
        }
        None => Ok(usize::try_from(*ids.unwrap_or(&IDS)).unwrap_or(usize::MAX)),
    }
}

/// A parameter's name and its value, which is a number or a truth value where it reads as one.
fn parameter(text: &str) -> Result<(String, Value), StageError> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| StageError::usage(format!("`{text}` is no parameter: write NAME=VALUE")))?;
    let value = serde_json::from_str(value).unwrap_or_else(|_no_json| value.into());
    Ok((name.to_owned(), value))
}

/// The summary of a network for an encoder of so many ids.
pub fn summary(spec: &NetworkSpec, ids: usize) -> String {
    let variables = network::variables(spec, ids);
    let mut rows = vec![["place", "layer", "output", "parameters"].map(str::to_owned)];
    for line in network::layer_lines(spec, ids) {
        // Heads side by side are `head.0`, `head.1`, ..
        let own = |variable: &&Variable| match line.place.as_str() {
            "head" => variable.name.starts_with("head."),
            place => variable.name.rsplit_once('.').map(|(own, _)| own) == Some(place),
        };
        let learned = count(
            variables
                .iter()
                .filter(own)
                .filter(|variable| variable.learned),
        );
        let kept = count(
            variables
                .iter()
                .filter(own)
                .filter(|variable| !variable.learned),
        );
        let parameters = match (learned, kept) {
            (0, 0) => String::new(),
            (learned, 0) => thousands(learned),
            (0, kept) => format!("{} not learned", thousands(kept)),
            (learned, kept) => {
                format!("{} and {} not learned", thousands(learned), thousands(kept))
            }
        };
        rows.push([
            line.place,
            line.kind.to_owned(),
            line.shape.to_string(),
            parameters,
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let mut text = format!("{}\n\n", spec.name);
    for [place, layer, output, parameters] in &rows {
        let line = format!(
            "{place:0$}  {layer:1$}  {output:2$}  {parameters}",
            widths[0], widths[1], widths[2]
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let learned = network::parameter_count(spec, ids);
    // A `String` takes everything.
    let _ = writeln!(
        text,
        "\n{} parameters, for {} ids. B is the batch, T the steps of a review.",
        thousands(learned),
        thousands(ids as u64)
    );
    text
}

fn count<'a>(variables: impl Iterator<Item = &'a Variable>) -> u64 {
    variables
        .map(|variable| {
            let axes = variable.shape.iter().map(|axis| axis.unsigned_abs());
            axes.fold(1, u64::saturating_mul)
        })
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, ids: usize) -> String {
        let spec = network::parse(text, Path::new("n.yaml"), &BTreeMap::new()).unwrap();
        summary(&spec, ids)
    }

    #[test]
    fn heads_side_by_side_are_counted_together() {
        let text = "name: n\ninput: {kind: regions, sizes: [1], filters: 4}\nwide: true\nlayers: [relu]\nmembers: 2\nhead: {dense: 3}";
        // Twice (2 + 1) x 3 weights and 3 biases.
        assert!(
            of(text, 10).contains("head      dense    [B, 3]  24\n"),
            "{}",
            of(text, 10)
        );
    }

    #[test]
    fn every_layer_has_its_shape_and_its_numbers() {
        let text = include_str!("../../../pipelines/networks/keras_lstm.yaml");
        insta::assert_snapshot!(of(text, 5000), @r"
        keras_lstm

        place      layer   output       parameters
        embedding  tokens  [B, T, 32]   160,000
        layers.0   lstm    [B, T, 100]  53,600
        layers.1   pool    [B, 100]
        head       dense   [B, 1]       101

        213,701 parameters, for 5,000 ids. B is the batch, T the steps of a review.
        ");
        let text = "name: n\ninput: {kind: one_hot, mask: true}\nlayers:\n  - dense: 4\n  \
                    - concat: [[{pool: max}], [{attention: {units: 3}}, batch_norm]]\nhead: {cumulative: 3}\n";
        insta::assert_snapshot!(of(text, 1200), @r"
        n

        place         layer       output        parameters
        input         one_hot     [B, T, 1200]
        layers.0      dense       [B, T, 4]     4,804
        layers.1.0.0  pool        [B, 4]
        layers.1.1.0  attention   [B, 4]        18
        layers.1.1.1  batch_norm  [B, 4]        8 and 8 not learned
        layers.1      concat      [B, 8]
        head          cumulative  [B, 2]        10

        4,840 parameters, for 1,200 ids. B is the batch, T the steps of a review.
        ");
        let text = "name: n\ninput: {kind: tokens, embedding: {size: 50, pretrained: frozen}}\n\
                    layers: [{gru: {units: 2}}, {pool: last}]\nhead: {dense: 1}\n";
        insta::assert_snapshot!(of(text, 100), @r"
        n

        place      layer   output      parameters
        embedding  tokens  [B, T, 50]  5,000 not learned
        layers.0   gru     [B, T, 2]   324
        layers.1   pool    [B, 2]
        head       dense   [B, 1]      3

        327 parameters, for 100 ids. B is the batch, T the steps of a review.
        ");
    }

    #[test]
    fn values_of_parameters_keep_their_types() {
        let read = |text: &str| parameter(text).map_err(|error| error.to_string());
        assert_eq!(read("units=5"), Ok(("units".into(), 5.into())));
        assert_eq!(read("mask=true"), Ok(("mask".into(), true.into())));
        assert_eq!(
            read("scale=vocabulary"),
            Ok(("scale".into(), "vocabulary".into()))
        );
        assert!(read("units").unwrap_err().contains("write NAME=VALUE"));
    }
}
