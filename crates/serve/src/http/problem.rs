//! Errors as clients read them: problem details (RFC 9457), with what to do.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::request::RequestError;

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The most characters of a detail, which may quote what a client sent.
const MOST: usize = 1_000;

/// Why a request has no answer.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    advice: String,
    header: Option<(&'static str, &'static str)>,
}

#[derive(Serialize)]
struct Details<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    advice: &'a str,
}

impl Problem {
    /// A problem with its detail, which is cut where it is long, and what to do about it.
    pub(super) fn new(
        status: StatusCode,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let mut detail = detail.into();
        if let Some((end, _)) = detail.char_indices().nth(MOST) {
            detail.truncate(end);
        }
        Self {
            status,
            detail,
            advice: advice.into(),
            header: None,
        }
    }

    /// No room in the queue.
    pub(super) fn busy() -> Self {
        let advice = "wait a second and send it again; Retry-After says how long";
        let problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "as many reviews wait as may",
            advice,
        );
        problem.with("retry-after", "1")
    }

    /// Not in time.
    pub(super) fn late() -> Self {
        let advice = "send fewer reviews at once, or try again when less is asked";
        let detail = "the answer was not ready in time";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail, advice).with("retry-after", "1")
    }

    /// Without the token.
    pub(super) fn unauthorized() -> Self {
        let advice = "send the header `Authorization: Bearer TOKEN`";
        let detail = "the token is missing or not the one that is expected";
        Self::new(StatusCode::UNAUTHORIZED, detail, advice).with("www-authenticate", "Bearer")
    }

    /// With a header.
    pub(super) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, error.to_string(), error.advice())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let details = Details {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            advice: &self.advice,
        };
        // Texts and a number can be written.
        let bytes = serde_json::to_vec(&details).unwrap_or_default();
        let mut response = (self.status, Body::from(bytes)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, PROBLEM);
        if let Some((name, value)) = self.header {
            let name = HeaderName::from_static(name);
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        let detail = |text: String| Problem::new(StatusCode::BAD_REQUEST, text, "").detail;
        assert_eq!(detail("é".repeat(5_000)), "é".repeat(1_000));
        assert_eq!(detail("é".repeat(1_000)), "é".repeat(1_000));
        assert_eq!(detail("short".into()), "short");
    }
}
