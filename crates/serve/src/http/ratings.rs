//! `POST /v1/ratings`: reviews in, ratings out, as JSON or as a table.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::App;
use super::answer::{self, Rating};
use super::batcher::{Explained, Facts, Rated, TOGETHER};
use super::guard::Rows;
use super::problem::Problem;
use super::queue::Refusal;
use super::request::{self, Asked, Bounds, Id, Review};
use super::table;
use crate::predictor::Prediction;

const JSON: &str = "application/json";
const CSV: &str = "text/csv";
/// How often a request is begun anew whose texts were rated by two bundles.
const ATTEMPTS: usize = 3;

/// Rates what a request asks for.
pub(super) async fn post(State(app): State<Arc<App>>, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn answer(app: &App, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let format = format(&parts.headers)?;
    let body = app.bodies.read(length(&parts.headers), body).await?;
    let work = async {
        match format {
            JSON => of_json(app, &body.bytes).await,
            _ => of_csv(app, &parts, &body.bytes).await,
        }
    };
    timeout(app.limits.request_time, work)
        .await
        .map_err(|_late| Problem::late())?
}

/// The format that a body says it has: one of [`JSON`] and [`CSV`].
fn format(headers: &HeaderMap) -> Result<&'static str, Problem> {
    let advice = "send `Content-Type: application/json`, or text/csv for a table";
    let unsupported =
        |detail: String| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail, advice);
    let Some(said) = headers.get(CONTENT_TYPE) else {
        return Err(unsupported("the request has no Content-Type".into()));
    };
    let said = String::from_utf8_lossy(said.as_bytes()).to_ascii_lowercase();
    let mut parts = said.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let charset = parts.find_map(|part| part.strip_prefix("charset="));
    if let Some(charset) = charset.map(|charset| charset.trim_matches('"'))
        && !matches!(charset, "utf-8" | "utf8" | "us-ascii")
    {
        return Err(unsupported(format!("the encoding `{charset}` is not read")));
    }
    [JSON, CSV]
        .into_iter()
        .find(|known| *known == name)
        .ok_or_else(|| unsupported(format!("the format `{name}` is not read")))
}

/// The length that a request announces; hyper has refused what is no number.
fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn bounds(app: &App) -> Bounds {
    Bounds {
        texts: app.limits.texts,
        text_bytes: app.limits.text_bytes,
        explained: app.limits.explained,
    }
}

async fn of_json(app: &App, bytes: &[u8]) -> Result<Response, Problem> {
    let Asked {
        reviews,
        explain,
        single,
    } = request::read_json(bytes, &bounds(app))?;
    let rows = reviews.len();
    let (ids, texts): (Vec<Option<Id>>, Vec<String>) = reviews
        .into_iter()
        .map(|Review { id, text }| (id, text))
        .unzip();
    let bytes = if explain {
        let explained = explain_all(app, texts).await?;
        let ratings = ids
            .iter()
            .zip(&explained)
            .map(|(id, explained)| Rating::explained(id.as_ref(), explained))
            .collect();
        // There is at least one.
        let bundle = explained.first().map(|first| &first.bundle);
        answer::bytes(bundle.unwrap_or(&app.current.get()), ratings, single)
    } else {
        let (said, bundle) = rate_all(app, texts).await?;
        let ratings = ids
            .iter()
            .zip(&said)
            .map(|(id, said)| Rating::new(id.as_ref(), said, bundle.task))
            .collect();
        answer::bytes(&bundle, ratings, single)
    };
    let bytes = bytes.map_err(|error| failed(error.to_string()))?;
    respond(app, JSON, bytes, rows)
}

async fn of_csv(app: &App, parts: &Parts, bytes: &[u8]) -> Result<Response, Problem> {
    let column = parts
        .uri
        .query()
        .and_then(|query| table::value(query, "column"));
    let bounds = bounds(app);
    let table = request::read_csv(bytes, column.as_deref(), &bounds)?;
    let texts: Vec<Result<&str, &str>> = table
        .rows
        .iter()
        .map(|row| table.text(row, &bounds))
        .collect();
    let good = texts.iter().flatten().map(|text| (*text).to_owned());
    let (said, _bundle) = rate_all(app, good.collect()).await?;
    let mut said = said.iter();
    let outcomes = texts.iter().map(|text| match text {
        Ok(_) => said.next().ok_or("not rated"),
        Err(reason) => Err(*reason),
    });
    let bytes = table::write(&table, outcomes).map_err(|error| failed(error.to_string()))?;
    let format = "text/csv; charset=utf-8";
    respond(app, format, bytes, table.rows.len())
}

/// What is said of texts, all by one bundle. The first of them are refused where there is no room, the others wait.
async fn rate_all(
    app: &App,
    mut texts: Vec<String>,
) -> Result<(Vec<Prediction>, Arc<Facts>), Problem> {
    for _attempt in 0..ATTEMPTS {
        let (mut said, mut back) = (Vec::with_capacity(texts.len()), Vec::new());
        let mut bundles: Vec<Arc<Facts>> = Vec::new();
        let mut rest = texts.into_iter();
        loop {
            let some: Vec<String> = rest.by_ref().take(TOGETHER).collect();
            if some.is_empty() {
                break;
            }
            let patient = !bundles.is_empty();
            let Rated {
                texts: own,
                said: mut ratings,
                bundle,
            } = app.queue.rate(some, patient).await.map_err(refused)?;
            said.append(&mut ratings);
            back.extend(own);
            bundles.push(bundle);
        }
        let bundle = bundles
            .first()
            .cloned()
            .unwrap_or_else(|| app.current.get());
        if bundles.iter().all(|other| Arc::ptr_eq(other, &bundle)) {
            return Ok((said, bundle));
        }
        texts = back;
    }
    Err(Problem::late())
}

/// What is said of texts and why, all by one bundle.
async fn explain_all(app: &App, mut texts: Vec<String>) -> Result<Vec<Explained>, Problem> {
    for _attempt in 0..ATTEMPTS {
        let mut all: Vec<Explained> = Vec::with_capacity(texts.len());
        for text in texts {
            let patient = !all.is_empty();
            all.push(app.queue.explain(text, patient).await.map_err(refused)?);
        }
        let same = |pair: &[Explained]| Arc::ptr_eq(&pair[0].bundle, &pair[1].bundle);
        if all.windows(2).all(same) {
            return Ok(all);
        }
        texts = all.into_iter().map(|explained| explained.text).collect();
    }
    Err(Problem::late())
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Busy => Problem::busy(),
        Refusal::Stopped => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the server is stopping",
            "send it to another server, or again when this one is back",
        ),
        Refusal::Failed(error) => failed(error.to_string()),
    }
}

fn failed(detail: String) -> Problem {
    let advice = "send it again; if it fails again, the server's log says more";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail, advice)
}

fn respond(
    app: &App,
    format: &'static str,
    bytes: Vec<u8>,
    rows: usize,
) -> Result<Response, Problem> {
    let mut response = Response::new(Body::from(app.answers.hold(bytes)?));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(format));
    response.extensions_mut().insert(Rows(rows));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_told_by_the_content_type() {
        let told = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            format(&headers).ok()
        };
        assert_eq!(told("application/json"), Some(JSON));
        assert_eq!(told("Application/JSON; charset=\"UTF-8\""), Some(JSON));
        assert_eq!(told("text/csv"), Some(CSV));
        assert_eq!(told("text/csv; charset=latin1"), None);
        assert_eq!(told("text/plain"), None);
        assert!(format(&HeaderMap::new()).is_err());
    }
}
