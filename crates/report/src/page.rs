//! The page as data: sections made of blocks, and the files beside them.
//!
//! Owns what a page may consist of; `render` turns it into HTML and Markdown, `sections` fills it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::plot::Plot;
use crate::render::RenderError;
use crate::sections::Verdict;
use crate::table::{Table, TableView};
use crate::text::Names;

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    pub(crate) title: String,
    /// The pipeline's name; none on a plain command line.
    pub(crate) pipeline: Option<String>,
    /// The command lines that make this page again.
    pub(crate) commands: Vec<String>,
    /// The files from outside that they need, by name.
    pub(crate) sources: Vec<String>,
    pub(crate) headlines: Vec<Headline>,
    /// What is said where there are no headlines; nothing where none are to be expected.
    pub(crate) without_headlines: Option<String>,
    /// What a person should look at.
    pub(crate) warnings: Vec<String>,
    pub(crate) sections: Vec<Section>,
    /// What the Markdown summary shows besides the headlines.
    pub(crate) summary: Vec<TableView>,
}

/// A network's main figure.
#[derive(Debug, Serialize)]
pub(crate) struct Headline {
    pub(crate) network: String,
    /// What was measured, `accuracy`.
    pub(crate) metric: String,
    pub(crate) unit: String,
    /// What it was measured on, `12,177 test reviews`.
    pub(crate) measured_on: String,
    pub(crate) value: String,
    pub(crate) trivial: Option<String>,
    /// How it stands to the trivial predictor; none where that is not known.
    pub(crate) verdict: Option<Verdict>,
    /// The other figures, `F1 0.8603`.
    pub(crate) others: Vec<String>,
}

/// A part of the page with a heading of its own.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) blocks: Vec<Block>,
}

/// What a section consists of.
#[derive(Debug, Serialize)]
#[serde(tag = "block", rename_all = "snake_case")]
pub(crate) enum Block {
    /// A heading within a section.
    Heading {
        id: String,
        text: String,
        /// The network that what follows is about.
        network: Option<String>,
    },
    /// A paragraph.
    Text {
        text: String,
    },
    /// That something is not there, and why.
    Absent {
        text: String,
    },
    Table {
        table: TableView,
    },
    /// Tables that are folded away.
    Fold {
        summary: String,
        tables: Vec<TableView>,
    },
    /// Plots side by side, as many as fit.
    Figures {
        figures: Vec<Figure>,
    },
    /// A review's tokens, shaded by what they added to a prediction.
    Words {
        name: String,
        words: Vec<Word>,
        /// Tokens in front of them that are not shown.
        before: u64,
        /// Tokens behind them that are not shown.
        more: u64,
    },
    /// Plots of two reports beside each other.
    Pairs {
        pairs: Vec<Pair>,
    },
    /// A stage of the pipeline, folded away.
    Stage {
        name: String,
        run: String,
        tables: Vec<TableView>,
    },
}

/// A token and what it added.
#[derive(Debug, Serialize)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// Of its colour, per cent; the page leaves words of 9 and less plain.
    pub(crate) shade: u32,
    /// Whether it lowers the prediction.
    pub(crate) lowers: bool,
    pub(crate) weight: String,
}

/// The same plot in two reports.
#[derive(Debug, Serialize)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) before_name: String,
    pub(crate) after_name: String,
    /// As the address of a picture.
    pub(crate) before: String,
    pub(crate) after: String,
}

/// A plot with the table behind it.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    /// Markup that this crate made; the only thing on the page that is not escaped.
    svg: String,
    /// The numbers behind it; none where the page has them beside it.
    table: Option<TableView>,
    /// Whether it wants the room of two, and scrolls where there is less.
    wide: bool,
    /// What it shows, for those who do not see it.
    title: String,
}

/// Makes the parts of a page and keeps the files that go beside it.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    anchors: Names,
    tables: Names,
    plots: Names,
    files: BTreeMap<String, Vec<u8>>,
}

impl Parts {
    /// A heading within a section.
    pub(crate) fn heading(&mut self, text: impl Into<String>) -> Block {
        let text = text.into();
        Block::Heading {
            id: self.anchors.unique(&text),
            text,
            network: None,
        }
    }

    /// A heading of a network's part of a section: what follows, up to the next heading, is about it alone.
    pub(crate) fn network_heading(&mut self, network: &str) -> Block {
        Block::Heading {
            id: self.anchors.unique(network),
            text: network.to_owned(),
            network: Some(network.to_owned()),
        }
    }

    /// A table, with a CSV file of the same name beside the page.
    pub(crate) fn table(&mut self, mut table: Table) -> Result<TableView, RenderError> {
        table.name = self.tables.unique(&table.name);
        self.keep(&table)?;
        Ok(table.view())
    }

    /// A plot whose table stands beside it on the page, with SVG and PNG files of the table's name beside the page.
    pub(crate) fn picture(&mut self, plot: &Plot, table: &Table) -> Result<Figure, RenderError> {
        let name = self.plots.unique(&table.name);
        self.keep_plot(plot, &name)?;
        Ok(Figure {
            svg: plot.inline(&format!("{name}-plot")),
            table: None,
            wide: plot.is_wide(),
            title: plot.title().to_owned(),
        })
    }

    /// A plot and the table behind it, with SVG, PNG and CSV files beside the page.
    pub(crate) fn figure(&mut self, plot: &Plot, table: Table) -> Result<Figure, RenderError> {
        let shown = table.clone();
        self.figure_of(plot, table, shown)
    }

    /// The same with fewer rows on the page than in the file.
    pub(crate) fn figure_of(
        &mut self,
        plot: &Plot,
        mut table: Table,
        mut shown: Table,
    ) -> Result<Figure, RenderError> {
        table.name = self.tables.unique(&table.name);
        self.keep(&table)?;
        shown.name.clone_from(&table.name);
        let name = self.plots.unique(&table.name);
        self.keep_plot(plot, &name)?;
        Ok(Figure {
            svg: plot.inline(&format!("{name}-plot")),
            table: Some(shown.view()),
            wide: plot.is_wide(),
            title: plot.title().to_owned(),
        })
    }

    fn keep_plot(&mut self, plot: &Plot, name: &str) -> Result<(), RenderError> {
        let png = plot.png().map_err(|source| RenderError::Png {
            plot: name.to_owned(),
            source,
        })?;
        self.files.insert(format!("plots/{name}.png"), png);
        self.files
            .insert(format!("plots/{name}.svg"), plot.standalone().into_bytes());
        Ok(())
    }

    /// An empty section.
    pub(crate) fn section(&mut self, title: &str) -> Section {
        Section {
            id: self.anchors.unique(title),
            title: title.into(),
            blocks: Vec::new(),
        }
    }

    /// A table without a file of its own.
    pub(crate) fn table_without_file(&mut self, mut table: Table) -> TableView {
        table.name = self.tables.unique(&table.name);
        table.view()
    }

    /// Writes the page, its summary and the files beside it into a report's folder.
    pub(crate) fn write(mut self, folder: &Path, html: String, markdown: String) -> io::Result<()> {
        self.files.insert("index.html".into(), html.into_bytes());
        self.files
            .insert("summary.md".into(), markdown.into_bytes());
        for (name, bytes) in &self.files {
            let path = folder.join(name);
            fs_err::create_dir_all(path.parent().unwrap_or(folder))?;
            fs_err::write(path, bytes)?;
        }
        Ok(())
    }

    fn keep(&mut self, table: &Table) -> Result<(), RenderError> {
        let csv = table.csv().map_err(|source| RenderError::Csv {
            table: table.name.clone(),
            source,
        })?;
        self.files.insert(format!("tables/{}.csv", table.name), csv);
        Ok(())
    }
}
