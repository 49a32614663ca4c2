//! Numbers read back out of the page: those of every table are those of its CSV file, rounded.

use std::collections::BTreeMap;

use crate::given::Given;
use crate::made;

/// The cells of every table of a page, by the table's name, without its header.
fn tables(page: &str) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut tables = BTreeMap::new();
    for part in page.split("<table aria-labelledby=\"").skip(1) {
        let (name, rest) = part.split_once("-caption\">").unwrap();
        let body = rest.split_once("<tbody>").unwrap().1;
        let body = body.split_once("</tbody>").unwrap().0;
        let rows = body.split("<tr>").skip(1).map(|row| {
            let cells = row.split("<bdi>").skip(1);
            let text = |cell: &str| cell.split_once("</bdi>").unwrap().0.to_owned();
            cells.map(text).collect()
        });
        tables.insert(name.to_owned(), rows.collect());
    }
    tables
}

/// A number as a page shows it.
fn read(shown: &str) -> Option<f64> {
    let plain = shown.replace(',', "").replace('\u{2212}', "-");
    match plain.strip_suffix(" %") {
        Some(part) => part.parse::<f64>().ok().map(|part| part / 100.0),
        None => plain.parse().ok(),
    }
}

fn compare(page: &str, files: &BTreeMap<String, String>) -> usize {
    let mut compared = 0;
    for (name, rows) in tables(page) {
        let Some(file) = files.get(&format!("tables/{name}.csv")) else {
            continue;
        };
        let exact: Vec<csv::StringRecord> = csv::Reader::from_reader(file.as_bytes())
            .into_records()
            .map(Result::unwrap)
            .collect();
        assert!(rows.len() <= exact.len(), "{name}");
        for (row, exact) in rows.iter().zip(&exact) {
            assert_eq!(row.len(), exact.len(), "{name}: {row:?}");
            for (shown, exact) in row.iter().zip(exact) {
                let (Some(shown), Ok(exact)) = (read(shown), exact.parse::<f64>()) else {
                    continue;
                };
                // Four significant digits; a part of a whole has one digit of per cent.
                let off = (shown - exact).abs();
                let rounded =
                    off <= exact.abs() * 6e-4 || off <= 6e-4 && (0.0..=1.0).contains(&exact);
                assert!(
                    rounded,
                    "{name}: {shown} on the page is {exact} in the file"
                );
                compared += 1;
            }
        }
    }
    compared
}

#[test]
fn every_number_of_the_page_is_that_of_its_file() {
    for (given, least) in [(Given::everything(), 500), (Given::compared(), 20)] {
        let files = made(&given);
        let compared = compare(&files["index.html"], &files);
        assert!(compared >= least, "{compared} numbers");
    }
}

#[test]
fn a_number_that_was_changed_is_noticed() {
    let files = made(&Given::everything());
    let page = files["index.html"].replace("<bdi>0.8614</bdi>", "<bdi>0.8641</bdi>");
    let noticed = std::panic::catch_unwind(|| compare(&page, &files));
    assert!(noticed.is_err());
}
