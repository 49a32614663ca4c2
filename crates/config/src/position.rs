//! Where each key and value of a YAML text stands.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScanError, Span as EventSpan};

/// A place in a text: one line's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Line, from 1.
    pub line: usize,
    /// Column, characters, from 1.
    pub column: usize,
    /// Characters; 1 where the value runs over several lines.
    pub length: usize,
}

impl Span {
    fn of(span: EventSpan) -> Self {
        let (start, end) = (span.start, span.end);
        let length = if start.line() == end.line() {
            end.col().saturating_sub(start.col()).max(1)
        } else {
            1
        };
        Self {
            line: start.line(),
            column: start.col() + 1,
            length,
        }
    }
}

/// Places by path: keys and, in sequences, indices.
#[derive(Debug, Clone, Default)]
pub(crate) struct Positions {
    places: BTreeMap<Vec<String>, Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    key: Option<Span>,
    value: Span,
}

/// A collection that is being read.
enum Open {
    Mapping { key: Option<(String, Span)> },
    Sequence { next: usize },
}

impl Positions {
    /// Reads the places of a text's first document.
    pub(crate) fn read(text: &str) -> Result<Self, ScanError> {
        let mut reader = Reader::default();
        for event in Parser::new_from_str(text) {
            let (event, span) = event?;
            match event {
                Event::DocumentEnd => break,
                Event::Scalar(value, ..) => reader.scalar(&value, Span::of(span)),
                // An alias stands where it is used; what it names has its own place at its anchor.
                Event::Alias(_) => reader.value(Span::of(span)),
                Event::MappingStart(..) => {
                    reader.begin(Open::Mapping { key: None }, Span::of(span))
                }
                Event::SequenceStart(..) => {
                    reader.begin(Open::Sequence { next: 0 }, Span::of(span))
                }
                Event::MappingEnd | Event::SequenceEnd => reader.end(),
                _ => {}
            }
        }
        Ok(reader.positions)
    }

    /// The place of a value, or of the nearest part of its path that is there.
    pub(crate) fn value<K: AsRef<str>>(&self, path: &[K]) -> Option<Span> {
        self.nearest(path).map(|(_, place)| place.value)
    }

    /// The place of a key; where the nearest part has none, of its value.
    pub(crate) fn key<K: AsRef<str>>(&self, path: &[K]) -> Option<Span> {
        self.nearest(path)
            .map(|(_, place)| place.key.unwrap_or(place.value))
    }

    fn nearest<K: AsRef<str>>(&self, path: &[K]) -> Option<(usize, Place)> {
        let path: Vec<String> = path.iter().map(|key| key.as_ref().to_owned()).collect();
        (0..=path.len()).rev().find_map(|length| {
            self.places
                .get(&path[..length])
                .map(|place| (length, *place))
        })
    }

    #[cfg(test)]
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Vec<String>> {
        self.places.keys()
    }
}

#[derive(Default)]
struct Reader {
    positions: Positions,
    path: Vec<String>,
    open: Vec<Open>,
}

impl Reader {
    fn scalar(&mut self, text: &str, span: Span) {
        if let Some(Open::Mapping { key: key @ None }) = self.open.last_mut() {
            *key = Some((text.to_owned(), span));
        } else {
            self.value(span);
        }
    }

    fn value(&mut self, span: Span) {
        self.enter(span);
        self.leave();
    }

    fn begin(&mut self, collection: Open, span: Span) {
        self.enter(span);
        self.open.push(collection);
    }

    fn end(&mut self) {
        self.open.pop();
        self.leave();
    }

    /// Puts the next value's place on record and makes it the current path.
    fn enter(&mut self, span: Span) {
        let key = match self.open.last_mut() {
            None => None,
            Some(Open::Sequence { next }) => {
                self.path.push(next.to_string());
                *next += 1;
                None
            }
            // A key that is itself a collection has no name; it stands under an empty one.
            Some(Open::Mapping { key }) => {
                let (name, span) = key
                    .take()
                    .map_or((String::new(), None), |(name, span)| (name, Some(span)));
                self.path.push(name);
                span
            }
        };
        self.positions
            .places
            .insert(self.path.clone(), Place { key, value: span });
    }

    fn leave(&mut self) {
        self.path.pop();
    }
}
