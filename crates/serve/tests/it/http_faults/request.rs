//! A request, how it is sent, and what may be answered.

use std::time::Duration;

use serde_json::json;

/// How a request is sent.
pub(super) enum Way {
    AtOnce,
    /// In so many pieces with a pause between them.
    Pieces(usize, Duration),
    /// And no more: the client goes, as it says.
    Gone(End),
    /// And no more, but it waits for what it is told.
    Half,
}

/// How a client goes.
#[derive(Clone, Copy)]
pub(super) enum End {
    Close,
    Reset,
}

/// What is sent, how, and what may be answered.
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) way: Way,
    pub(super) may: &'static [u16],
    /// Whether the connection may end without an answer.
    pub(super) silent: bool,
}

impl Fault {
    pub(super) fn new(name: &'static str, bytes: Vec<u8>, may: &'static [u16]) -> Self {
        Self {
            name,
            bytes,
            way: Way::AtOnce,
            may,
            silent: false,
        }
    }
}

/// A request as it should be, part by part.
pub(super) struct Parts {
    pub(super) line: String,
    pub(super) headers: Vec<String>,
    pub(super) body: Vec<u8>,
}

impl Parts {
    pub(super) fn new(kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self {
            line: "POST /v1/ratings HTTP/1.1".into(),
            headers: vec![
                "Host: localhost".into(),
                format!("Content-Type: {kind}"),
                format!("Content-Length: {}", body.len()),
            ],
            body,
        }
    }

    pub(super) fn honest(text: &str) -> Self {
        Self::new("application/json", json!({"text": text}).to_string())
    }

    pub(super) fn line(mut self, line: String) -> Self {
        self.line = line;
        self
    }

    /// With another header in the place of one.
    pub(super) fn header(mut self, index: usize, header: String) -> Self {
        self.headers[index] = header;
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let head = format!("{}\r\n{}\r\n\r\n", self.line, self.headers.join("\r\n"));
        [head.as_bytes(), &self.body].concat()
    }
}
