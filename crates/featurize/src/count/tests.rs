use super::*;
use crate::params::TermParams;
use crate::terms::Terms;

fn counts(
    threads: usize,
    terms: &Terms,
    batches: &[&[&str]],
    limit: usize,
    min_count: u64,
) -> Counts {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    pool.install(|| {
        let mut counter = TermCounter::new(TermParams::default().with(terms.clone()));
        batches.iter().for_each(|texts| counter.add(texts));
        counter.finish(Wanted {
            limit,
            min_count,
            numbering: Numbering::Frequency,
        })
    })
}

fn named<const N: usize>(terms: [(&str, u64, u64); N]) -> Vec<(Box<str>, Count)> {
    terms
        .map(|(term, count, documents)| (Box::from(term), Count { count, documents }))
        .into()
}

#[test]
fn counts_are_of_terms_and_texts_in_a_fixed_order() {
    let texts = ["b a b", "", "A c", "c"];
    let wanted = named([("a", 2, 2), ("b", 2, 1), ("c", 2, 2)]);
    for threads in [1, 2, 4] {
        for batches in [&[&texts[..]][..], &[&texts[..1], &[], &texts[1..]]] {
            let all = counts(threads, &Terms::default(), batches, 10, 1);
            assert_eq!(
                (all.terms, all.distinct, all.left_out),
                (wanted.clone(), 3, 0)
            );
            let two = counts(threads, &Terms::default(), batches, 2, 1);
            assert_eq!(
                (two.terms, two.distinct, two.left_out),
                (wanted[..2].to_vec(), 3, 2)
            );
            assert_eq!(
                counts(threads, &Terms::default(), batches, 0, 1).left_out,
                6
            );
        }
    }
}

#[test]
fn rare_terms_can_be_left_out() {
    let counts = counts(2, &Terms::default(), &[&["a a b", "b c"]], 10, 2);
    assert_eq!(counts.terms, named([("a", 2, 1), ("b", 2, 2)]));
    assert_eq!((counts.distinct, counts.left_out), (3, 1));
}

#[test]
fn forms_of_a_term_are_counted_together() {
    let terms = Terms {
        stop_words: ["the".to_owned()].into(),
        lemmas: [("films", "film"), ("mice", "mouse")]
            .map(|(form, lemma)| (form.to_owned(), lemma.to_owned()))
            .into(),
        ..Terms::default()
    };
    let texts = ["the film, the films", "mice", "The mouse FILMS the", "the"];
    let wanted = named([("film", 3, 2), ("mouse", 2, 2)]);
    for threads in [1, 2, 3] {
        assert_eq!(
            counts(threads, &terms, &[&texts[..2], &texts[2..]], 10, 1).terms,
            wanted
        );
    }
}

#[test]
fn many_texts_are_counted_alike_by_any_number_of_threads() {
    let texts: Vec<String> = (0..1000)
        .map(|n| {
            format!(
                "w{} w{} a_word_that_is_longer_than_a_slot{} é",
                n % 7,
                n % 11,
                n % 13
            )
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let one = counts(1, &Terms::default(), &[&texts], 1000, 1);
    assert_eq!(
        one.terms.iter().map(|(_, count)| count.count).sum::<u64>(),
        1000 * 4
    );
    for threads in [2, 5] {
        assert_eq!(
            counts(
                threads,
                &Terms::default(),
                &[&texts[..100], &texts[100..]],
                1000,
                1
            ),
            one
        );
    }
}

#[test]
fn the_most_frequent_are_found_whatever_the_order_and_the_limit() {
    // Word `n` occurs `n % 40 + 1` times, the first one more often than counts are told apart.
    let words = (0..400).map(|n| format!("w{n} ").repeat(n % 40 + 1));
    let texts: Vec<String> = words.chain(["w0 ".repeat(5000)]).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let all = counts(1, &Terms::default(), &[&texts], usize::MAX, 1);
    assert_eq!(all.terms.len(), 400);
    assert_eq!((&*all.terms[0].0, all.terms[0].1.count), ("w0", 5001));
    let pairs = all.terms.windows(2);
    let mut pairs =
        pairs.map(|pair| ((pair[1].1.count, &pair[0].0), (pair[0].1.count, &pair[1].0)));
    assert!(pairs.all(|(later, earlier)| later < earlier));
    for threads in [1, 2, 3] {
        for limit in [0, 1, 7, 39, 200, 399, 400] {
            let some = counts(threads, &Terms::default(), &[&texts], limit, 1);
            assert_eq!(some.terms, all.terms[..limit], "{threads} threads");
            assert_eq!(some.distinct, 400);
        }
        let often = counts(threads, &Terms::default(), &[&texts], 400, 31);
        let wanted = all.terms.iter().filter(|(_term, count)| count.count > 30);
        assert!(often.terms.iter().eq(wanted));
    }
}
