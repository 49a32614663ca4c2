//! The page in a browser, on a telephone and a large screen, light and dark.
//!
//! With `CINESCORE_SCREENSHOT=FILE.png` it keeps the picture that the README shows, and beside it the others
//! (`FILE-360-dark.png` and so on); `CINESCORE_BUNDLE=DIR` has a trained bundle rate the review in it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::bundle::{LSTM, save};
use crate::http_client::Server;
use cinescore_model::task::{Decoder, Quantity};
use cinescore_tests::Browser;

/// What tries to be more than text.
const HOSTILE: &str = "<img src=x onerror=\"document.title='broken in'\"><script>document.title='broken in'</script> \
                       a good film & \u{1f3ac} not bad";
/// A review for the picture.
const REVIEW: &str = "The first hour is wonderful: superb acting, a great score and a story that takes its time. \
                      After that it becomes dull and predictable, and the ending is a waste. Still, I enjoyed it and would see it again.";

/// The texts that are hard to read, each with its contrast: less than 4.5 to 1, or 3 to 1 where they are large (WCAG 2.2, 1.4.3).
const FAINT: &str = "(() => {
    const numbers = (colour) => colour.match(/[0-9.]+/g).map(Number);
    const light = (colour) => numbers(colour).slice(0, 3)
        .map((part) => part / 255)
        .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
    const behind = (element) => {
        for (let own = element; own; own = own.parentElement) {
            const colour = getComputedStyle(own).backgroundColor;
            if ((numbers(colour)[3] ?? 1) > 0) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const texts = [...document.querySelectorAll('main *, footer *')].filter((element) =>
        element.checkVisibility() && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''));
    return texts.map((element) => {
        const style = getComputedStyle(element);
        const [high, low] = [light(style.color), light(behind(element))].sort((a, b) => b - a);
        const contrast = (high + 0.05) / (low + 0.05);
        const large = parseFloat(style.fontSize) >= 24;
        return contrast < (large ? 3 : 4.5) ? `${element.tagName} ${element.id} ${element.className}: ${contrast}` : '';
    }).filter((text) => text !== '');
})()";

/// A server with a bundle of random weights that knows the probability of each score.
fn server(folder: &Path) -> Server {
    let ordinal = Decoder::Ordinal {
        quantity: Quantity::Stars,
        labels: vec![1, 2, 3, 4, 7, 8, 9, 10],
    };
    save(folder, LSTM, ordinal);
    Server::start(folder, &[])
}

/// Opens the page.
fn open(browser: &mut Browser, server: &Server) {
    let address = format!("http://{}/", server.address);
    browser.call("Page.navigate", json!({"url": address}));
    browser.wait("document.readyState === 'complete' && document.getElementById('text') !== null");
}

/// Types a text in the place of what is there, and waits for its rating.
fn review(browser: &mut Browser, text: &str) {
    browser.value("document.getElementById('text').select()");
    browser.enter(text);
    browser.wait(&format!(
        "document.getElementById('words').textContent === {} && document.getElementById('state').textContent.startsWith('Rated by')",
        json!(text)
    ));
}

#[test]
fn the_page_rates_what_is_typed_and_shows_hostile_text_as_text() {
    let Some(mut browser) = Browser::find("the page") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let address = format!("http://{}/", server.address);
    browser.size(360, 740);
    open(&mut browser, &server);

    // By the keyboard: the review is what the first Tab leads to.
    browser.value("document.getElementById('text').focus()");
    browser.enter("a good film");
    browser.wait("document.getElementById('state').textContent.startsWith('Rated by')");
    let first = browser.value("document.getElementById('words').textContent");
    assert_eq!(first, "a good film");
    // While it types on, the latest text wins.
    browser.value("document.getElementById('text').select()");
    for part in HOSTILE.split_inclusive(' ') {
        browser.enter(part);
    }
    let shown = format!(
        "document.getElementById('words').textContent === {}",
        json!(HOSTILE)
    );
    browser.wait(&shown);
    assert_eq!(browser.value("document.title"), "Cinescore: rate a review");
    assert_eq!(
        browser.value("document.querySelectorAll('#words img, #words script').length"),
        0
    );
    assert_eq!(
        browser.value("document.querySelectorAll('#words mark').length > 0"),
        true
    );
    assert_eq!(
        browser.value("document.querySelectorAll('#scores tbody tr').length"),
        8
    );
    assert_eq!(
        browser.value("document.getElementById('interval').textContent.startsWith('90 %')"),
        true
    );
    // Every field has a label.
    let unlabelled = "[...document.querySelectorAll('input, textarea')].filter((field) => field.labels.length === 0).length";
    assert_eq!(browser.value(unlabelled), 0);

    // A table, as if it had been chosen.
    let upload = "(async () => {
        const transfer = new DataTransfer();
        transfer.items.add(new File(['id,text\\n1,a good film\\n2,<b>bad</b>\\n'], 'mine.csv', {type: 'text/csv'}));
        document.getElementById('file').files = transfer.files;
        document.getElementById('table').requestSubmit();
        while (document.getElementById('download').hidden) await new Promise((done) => setTimeout(done, 20));
    })()";
    browser.value(upload);
    let state = browser.value("document.getElementById('table-state').textContent");
    assert!(state.as_str().unwrap().starts_with("Rated."), "{state}");

    let outside: Vec<&Value> = browser
        .events
        .iter()
        .filter(|event| event["method"] == "Network.requestWillBeSent")
        .map(|event| &event["params"]["request"]["url"])
        .filter(|url| {
            let url = url.as_str().unwrap();
            !url.starts_with(&address) && !url.starts_with("data:") && !url.starts_with("blob:")
        })
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
    let complaints: Vec<&Value> = browser
        .events
        .iter()
        .filter(|event| {
            let is_error =
                event["params"]["entry"]["level"] == "error" || event["params"]["type"] == "error";
            event["method"] == "Runtime.exceptionThrown" || is_error
        })
        .collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn the_page_can_be_read_on_every_screen() {
    let Some(mut browser) = Browser::find("the page's looks") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = match env::var_os("CINESCORE_BUNDLE") {
        Some(chosen) => Server::start(Path::new(&chosen), &[]),
        None => server(folder.path()),
    };
    open(&mut browser, &server);
    let long = "word".repeat(100);
    let file = env::var_os("CINESCORE_SCREENSHOT").map(PathBuf::from);
    let mut backs = Vec::new();
    for (width, height) in [(360, 740), (900, 1000)] {
        for dark in [false, true] {
            browser.size(width, height);
            browser.dark(dark);
            // A word that is wider than any screen, without an answer and with one.
            for text in [&long, REVIEW] {
                review(&mut browser, text);
                let wide = "document.documentElement.scrollWidth - innerWidth";
                assert_eq!(browser.value(wide), 0, "{width} {dark} {text}");
            }
            let faint = browser.value(FAINT);
            assert_eq!(faint, json!([]), "{width} {dark}");
            // What is touched is large enough for a finger (WCAG 2.2, 2.5.8).
            let small = "[...document.querySelectorAll('button, input')]
                .filter((element) => element.checkVisibility() && element.getBoundingClientRect().height < 24).length";
            assert_eq!(browser.value(small), 0);
            backs.push(browser.value("getComputedStyle(document.body).backgroundColor"));
            let Some(file) = &file else { continue };
            browser.value("document.activeElement.blur(); scrollTo(0, 0)");
            let scheme = if dark { "dark" } else { "light" };
            let name = match (width, dark) {
                (900, false) => file.clone(),
                _ => {
                    let stem = file.file_stem().unwrap().to_string_lossy();
                    file.with_file_name(format!("{stem}-{width}-{scheme}.png"))
                }
            };
            fs::write(name, browser.picture()).unwrap();
        }
    }
    assert!(
        backs[0] == backs[2] && backs[1] == backs[3] && backs[0] != backs[1],
        "{backs:?}"
    );
}
