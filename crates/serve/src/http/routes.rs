//! What there is to ask for. Nothing is read from the disk for an answer: there is no directory to walk.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};

use super::metrics::{self, Now};
use super::problem::Problem;
use super::{App, guard, ratings};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// The description of all this, for machines.
const OPENAPI: &str = include_str!("page/openapi.json");

/// Something to ask for.
struct Route {
    path: &'static str,
    /// GET, which HEAD comes with, or POST.
    method: &'static str,
    /// Whether it is answered without the token: what says nothing of reviews or of how many there are.
    open: bool,
    handler: fn() -> MethodRouter<Arc<App>>,
}

const ROUTES: [Route; 8] = [
    Route {
        path: "/v1/ratings",
        method: "POST",
        open: false,
        handler: || post(ratings::post),
    },
    Route {
        path: "/healthz",
        method: "GET",
        open: true,
        handler: || get(async || content(TEXT, "ok\n")),
    },
    Route {
        path: "/readyz",
        method: "GET",
        open: true,
        handler: || get(ready),
    },
    Route {
        path: "/metrics",
        method: "GET",
        open: false,
        handler: || get(count),
    },
    Route {
        path: "/openapi.json",
        method: "GET",
        open: true,
        handler: || get(async || content(JSON, OPENAPI)),
    },
    Route {
        path: "/",
        method: "GET",
        open: true,
        handler: || get(async || content(HTML, include_str!("page/index.html"))),
    },
    Route {
        path: "/app.js",
        method: "GET",
        open: true,
        handler: || get(async || content(SCRIPT, include_str!("page/app.js"))),
    },
    Route {
        path: "/app.css",
        method: "GET",
        open: true,
        handler: || get(async || content(STYLE, include_str!("page/app.css"))),
    },
];

/// The route that a path leads to, for counters and logs, and whether it is open to all.
pub(super) fn of(path: &str) -> (&'static str, bool) {
    let found = ROUTES.iter().find(|route| route.path == path);
    found.map_or(("other", false), |route| (route.path, route.open))
}

/// Answers to everything.
pub(super) fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for route in &ROUTES {
        router = router.route(route.path, (route.handler)());
    }
    router
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(app), guard::guard))
        .with_state(Arc::clone(app))
}

fn content(format: &'static str, bytes: impl Into<Body>) -> Response {
    let format = HeaderValue::from_static(format);
    ([(CONTENT_TYPE, format)], bytes.into()).into_response()
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.stopping.load(Ordering::Relaxed) {
        let advice = "send requests to another server";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return Problem::new(status, "the server is stopping", advice).into_response();
    }
    let bundle = app.current.get();
    let mut response = content(TEXT, "ready\n");
    if let Ok(digest) = HeaderValue::from_str(&bundle.digest) {
        let name = HeaderName::from_static("x-cinescore-bundle");
        response.headers_mut().insert(name, digest);
    }
    response
}

async fn count(State(app): State<Arc<App>>) -> Response {
    let (queued, room) = app.queue.filled();
    let now = Now {
        queued,
        room,
        bundle: app.current.get().digest.clone(),
    };
    content(metrics::FORMAT, app.metrics.text(&now))
}

async fn not_found() -> Response {
    let advice = "see /openapi.json for what there is";
    Problem::new(StatusCode::NOT_FOUND, "there is nothing by this name", advice).into_response()
}

async fn not_allowed(uri: Uri) -> Response {
    let method = ROUTES
        .iter()
        .find(|route| route.path == uri.path())
        .map_or("GET", |route| route.method);
    let (allow, advice) = match method {
        "GET" => ("GET,HEAD", "ask with GET"),
        _ => ("POST", "ask with POST"),
    };
    let detail = "what is there cannot be asked so";
    let mut response =
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail, advice).into_response();
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allow));
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_description_has_every_route_and_no_other() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let described: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap();
                methods.keys().map(|method| (path.clone(), method.to_uppercase()))
            })
            .collect();
        let routed = ROUTES
            .iter()
            .map(|route| (route.path.to_owned(), route.method.to_owned()))
            .collect();
        assert_eq!(described, routed);
        // Who may ask without the token is told, too.
        for route in &ROUTES {
            let own = &document["paths"][route.path][route.method.to_lowercase()];
            let is_open = own["security"].as_array().is_some_and(Vec::is_empty);
            assert_eq!(is_open, route.open, "{}", route.path);
        }
    }

    #[test]
    fn references_in_the_description_lead_somewhere() {
        fn check(value: &Value, document: &Value) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(target)) = map.get("$ref") {
                        let pointer = target.strip_prefix('#').unwrap();
                        assert!(document.pointer(pointer).is_some(), "{target}");
                    }
                    map.values().for_each(|value| check(value, document));
                }
                Value::Array(list) => list.iter().for_each(|value| check(value, document)),
                _ => {}
            }
        }
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        check(&document, &document);
    }
}
