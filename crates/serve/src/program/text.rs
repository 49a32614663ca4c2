//! `text`: one review, or one after the other as they are typed.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use cinescore_artifact::StageError;
use cinescore_artifact::program::print;
use clap::Args;

use super::BundleArguments;
use super::view::View;
use crate::predictor::Predictor;

pub(super) const EXAMPLES: &str = "\
Examples:
  cinescore predict text \"A gem of a film.\"
  cinescore predict text --json < review.txt
  cinescore predict text                        type reviews, one a line; Ctrl-D ends it

A rating is shown with its 90 % interval where the bundle is calibrated. A word's weight is the prediction less that
without the word. Colours are left out where NO_COLOR is set or stdout is no terminal.";

/// What `text` is asked.
#[derive(Debug, Args)]
pub(super) struct TextArguments {
    /// The review; without it, it is read from stdin
    text: Option<String>,
    #[command(flatten)]
    bundle: BundleArguments,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    /// Do not look for the words that decided: it takes most of the time
    #[arg(long)]
    no_words: bool,
}

/// Rates one review or several.
pub(super) fn text(arguments: &TextArguments) -> Result<(), StageError> {
    let given = match &arguments.text {
        Some(text) => Some(text.clone()),
        None if io::stdin().is_terminal() => None,
        None => Some(from_stdin()?),
    };
    arguments
        .bundle
        .with_predictor(|predictor, _folder| match given {
            Some(text) => show(&predictor, arguments, &text),
            None => interactive(&predictor, arguments),
        })
}

fn from_stdin() -> Result<String, StageError> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        StageError::input(format!("the text is not UTF-8: byte {at} is none of it"))
            .hint("convert it first, such as with `iconv -f latin1 -t utf8`")
    })
}

/// Reads reviews line by line until the end of the input.
fn interactive(predictor: &Predictor, arguments: &TextArguments) -> Result<(), StageError> {
    let mut lines = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        write!(io::stderr(), "review> ")?;
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            writeln!(io::stderr())?;
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            show(predictor, arguments, text.trim())?;
        }
    }
}

fn show(predictor: &Predictor, arguments: &TextArguments, text: &str) -> Result<(), StageError> {
    if text.trim().is_empty() {
        return Err(
            StageError::input("the text is empty").hint("give a review as an argument or on stdin")
        );
    }
    let said = predictor.predict(&[text])?;
    let Some(said) = said.first() else {
        return Ok(());
    };
    let words = if arguments.no_words {
        None
    } else {
        Some(predictor.explain(text)?)
    };
    let view = View {
        text,
        said,
        words: words.as_deref(),
        manifest: predictor.manifest(),
    };
    let shown = if arguments.json {
        view.json()?
    } else {
        view.lines()
    };
    print(&shown)
}
