//! Around every request: who may ask, what browsers may do with the answer, what is counted and logged.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use subtle::ConstantTimeEq as _;

use super::App;
use super::log::Level;
use super::problem::Problem;
use super::routes;

/// Nothing but what this server itself has, and no script or style within the page. The page's icon is empty, for which browsers
/// would otherwise ask.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The status of a request whose client went away, which nobody is sent.
const GONE: u16 = 499;

/// How many reviews an answer is about; for the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows(pub(super) usize);

/// The digest of a token, which is compared instead of it: digests have one length.
#[derive(Debug)]
pub(super) struct Token(blake3::Hash);

impl Token {
    pub(super) fn new(token: &str) -> Self {
        Self(blake3::hash(token.as_bytes()))
    }

    /// Whether the header `Authorization` has the token, in a time that does not depend on how much of it is right.
    fn is_in(&self, headers: &HeaderMap) -> bool {
        let said = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let token = said.and_then(|said| {
            let (scheme, token) = said.split_at_checked(7)?;
            scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
        });
        let own = blake3::hash(token.unwrap_or_default());
        let same = own.as_bytes().ct_eq(self.0.as_bytes());
        token.is_some() && bool::from(same)
    }
}

/// The names by which a server on loopback answers; else any page on the web could make a browser ask it, by a name of its
/// own that leads to 127.0.0.1 (DNS rebinding).
#[derive(Debug)]
pub(super) struct Hosts(Option<Vec<String>>);

impl Hosts {
    /// The names for an address, and others that are allowed too. Every name where all the world may ask.
    pub(super) fn new(bound: SocketAddr, others: &[String]) -> Self {
        let own = bound.ip().is_loopback() || !others.is_empty();
        Self(own.then(|| {
            others
                .iter()
                .map(|name| name.to_ascii_lowercase())
                .collect()
        }))
    }

    fn allow(&self, headers: &HeaderMap) -> bool {
        let Some(others) = &self.0 else {
            return true;
        };
        let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
            // Browsers always name one.
            return true;
        };
        let host = host.to_ascii_lowercase();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => &host,
        };
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost"
            || bare.parse::<IpAddr>().is_ok()
            || others.iter().any(|own| own == bare)
    }
}

/// What is written down of a request when it is over, however it ends.
struct Record {
    app: Arc<App>,
    began: Instant,
    method: Method,
    route: &'static str,
    status: u16,
    rows: Option<usize>,
}

impl Drop for Record {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        self.app.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.app.metrics.answered(self.route, self.status, took);
        let fields = json!({
            "method": self.method.as_str(),
            "route": self.route,
            "status": self.status,
            "ms": (took.as_secs_f64() * 1e6).round() / 1e3,
            "reviews": self.rows,
        });
        let level = if self.status >= 500 && self.status != StatusCode::SERVICE_UNAVAILABLE {
            Level::Error
        } else {
            Level::Info
        };
        self.app.log.event(level, "request", fields);
    }
}

/// Lets a request through or not, and completes its answer.
pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let (route, open) = routes::of(path);
    app.metrics.in_flight.fetch_add(1, Ordering::Relaxed);
    let mut record = Record {
        app: Arc::clone(&app),
        began: Instant::now(),
        method: request.method().clone(),
        route,
        status: GONE,
        rows: None,
    };
    let mut response = match check(&app, request.headers(), open) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    record.status = response.status().as_u16();
    record.rows = response.extensions().get::<Rows>().map(|rows| rows.0);
    response
}

fn check(app: &App, headers: &HeaderMap, open: bool) -> Result<(), Problem> {
    if !app.hosts.allow(headers) {
        let detail = "the server does not answer by this name";
        let advice = "ask it as localhost, or start it with `--host NAME`";
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            detail,
            advice,
        ));
    }
    match &app.token {
        Some(token) if !open && !token.is_in(headers) => Err(Problem::unauthorized()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        [(name, HeaderValue::from_static(value))]
            .into_iter()
            .collect()
    }

    #[test]
    fn only_the_whole_token_is_right() {
        let token = Token::new("correct horse");
        assert!(token.is_in(&with(AUTHORIZATION, "Bearer correct horse")));
        assert!(token.is_in(&with(AUTHORIZATION, "bearer correct horse")));
        for wrong in [
            "Bearer correct hors",
            "Bearer correct horse ",
            "Basic correct horse",
            "Bearer ",
            "x",
        ] {
            assert!(!token.is_in(&with(AUTHORIZATION, wrong)), "{wrong}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
        // A token of nothing is no token.
        assert!(!Token::new("").is_in(&HeaderMap::new()));
    }

    #[test]
    fn a_server_on_loopback_answers_by_its_own_names() {
        let allow = |bound: &str, others: &[String], host| {
            Hosts::new(bound.parse().unwrap(), others).allow(&with(HOST, host))
        };
        let loopback = "127.0.0.1:8080";
        for own in [
            "localhost:8080",
            "LOCALHOST",
            "127.0.0.1:1",
            "[::1]:8080",
            "[::1]",
        ] {
            assert!(allow(loopback, &[], own), "{own}");
        }
        assert!(!allow(loopback, &[], "evil.example:8080"));
        assert!(allow(
            loopback,
            &["Ratings.example".into()],
            "ratings.example"
        ));
        assert!(allow("0.0.0.0:80", &[], "any.example"));
        assert!(!allow(
            "0.0.0.0:80",
            &["ratings.example".into()],
            "evil.example"
        ));
    }
}
