//! The page in a browser, at three widths, light and dark. Without Chromium the tests say that they test nothing.
//!
//! With `CINESCORE_AXE=axe.min.js` an accessibility checker looks at the pages too (`make accessibility`). With
//! `CINESCORE_PAGES` (files, separated by colons) pages that were made elsewhere are looked at as well.

use std::path::PathBuf;

use cinescore_tests::Browser;
use serde_json::{Value, json};

use crate::given::Given;
use crate::report;

/// Makes a report; where its page lies.
fn page(given: &Given) -> PathBuf {
    let output = report(&given.task());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    given.output_dir().join("report/index.html")
}

fn pages_made_elsewhere() -> Vec<PathBuf> {
    let named = std::env::var_os("CINESCORE_PAGES").unwrap_or_default();
    let paths = std::env::split_paths(&named);
    paths.filter(|path| path.is_file()).collect()
}

#[test]
fn pages_load_without_a_complaint() {
    let Some(mut browser) = Browser::find("reports in a browser") else {
        return;
    };
    let given = [
        Given::everything(),
        Given::compared(),
        Given::nothing(),
        Given::poor(),
        Given::searched(),
        Given::tables_without_rows(),
    ];
    for given in &given {
        browser.look(&page(given));
    }
    for other in pages_made_elsewhere() {
        browser.look(&other);
    }
}

#[test]
fn hostile_text_runs_nothing() {
    let Some(mut browser) = Browser::find("hostile text in a browser") else {
        return;
    };
    // Whatever would run says so.
    let source = "window.ran = []; for (const name of ['alert', 'confirm', 'prompt']) window[name] = () => ran.push(name);";
    browser.call(
        "Page.addScriptToEvaluateOnNewDocument",
        json!({"source": source}),
    );
    let given = Given::hostile();
    let page = page(&given);
    browser.look(&page);
    assert_eq!(browser.value("window.ran"), json!([]));
    let foreign = "document.querySelectorAll('script').length - 1 + document.querySelectorAll('main b, main a').length";
    assert_eq!(
        browser.value(foreign),
        json!(0),
        "markup of others became elements"
    );
    assert_eq!(
        browser.value("document.body.textContent.includes('<script>alert(\"1\")</script>')"),
        json!(true)
    );
    // A script that came in all the same would not run: the page names its own by digest.
    let inject = "(() => { const own = document.createElement('script'); own.textContent = 'ran.push(1)'; document.body.append(own); return ran; })()";
    assert_eq!(browser.value(inject), json!([]));
}

#[test]
fn tables_sort_and_filter_and_networks_are_chosen() {
    let Some(mut browser) = Browser::find("the page's script") else {
        return;
    };
    let given = Given::everything();
    browser.size(1280, 900);
    browser.open(&page(&given));
    let first = "document.querySelector('[aria-labelledby=\"keras-lstm-metrics-caption\"] tbody tr td:last-child').textContent";
    let sort = "document.querySelector('table[aria-labelledby=\"keras-lstm-metrics-caption\"] th:last-child button').click()";
    browser.value(sort);
    let least: Value = browser.value(first);
    browser.value(sort);
    assert_ne!(browser.value(first), least, "the other end is on top");
    let marked = "document.querySelector('table[aria-labelledby=\"keras-lstm-metrics-caption\"] th:last-child').getAttribute('aria-sort')";
    assert_eq!(browser.value(marked), json!("descending"));

    let rows = "[...document.querySelectorAll('table[aria-labelledby=\"keras-lstm-metrics-caption\"] tbody tr')].filter((row) => !row.classList.contains('filtered')).length";
    let all = browser.value(rows).as_u64().unwrap();
    browser.value(
        "(() => { const field = document.getElementById('keras-lstm-metrics-caption').parentElement.querySelector('.filter'); \
         field.value = 'accuracy'; field.dispatchEvent(new Event('input')); })()",
    );
    let some = browser.value(rows).as_u64().unwrap();
    assert!(0 < some && some < all, "{some} of {all}");

    let shown = "[...document.querySelectorAll('[data-network]')].filter((part) => part.offsetParent !== null).length";
    let all = browser.value(shown).as_u64().unwrap();
    browser.value("document.querySelector('.chooser input').click()");
    assert!(browser.value(shown).as_u64().unwrap() < all);

    // A shape says what it stands for.
    browser.value(
        "document.querySelector('.plot g rect').dispatchEvent(new PointerEvent('pointerover', {bubbles: true}))",
    );
    assert_eq!(
        browser.value("document.querySelector('.hint').textContent.includes(': ')"),
        json!(true)
    );
}

#[test]
fn a_checker_of_accessibility_finds_nothing_serious() {
    let Some(axe) = std::env::var_os("CINESCORE_AXE") else {
        eprintln!(
            "NOT TESTED: accessibility, for CINESCORE_AXE names no axe.min.js (make accessibility fetches it)"
        );
        return;
    };
    let Some(mut browser) = Browser::find("accessibility") else {
        return;
    };
    let axe = fs_err::read_to_string(PathBuf::from(axe)).unwrap();
    let given = [Given::compared(), Given::searched()];
    let mut pages: Vec<PathBuf> = given.iter().map(page).collect();
    pages.extend(pages_made_elsewhere());
    for page in pages {
        for (width, dark) in [(360, false), (1280, true)] {
            browser.size(width, 900);
            browser.dark(dark);
            browser.open(&page);
            browser.value(
                "document.querySelectorAll('details').forEach((part) => { part.open = true; })",
            );
            browser.call("Runtime.evaluate", json!({"expression": axe}));
            let found = browser.value(
                "axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations \
                 .filter((own) => ['serious', 'critical'].includes(own.impact)) \
                 .map((own) => `${own.id}: ${own.nodes.length} times, ${own.nodes[0].html.slice(0, 200)} ${own.nodes[0].failureSummary}`))",
            );
            assert_eq!(found, json!([]), "{} at {width}", page.display());
        }
    }
}
