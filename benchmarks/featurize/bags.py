"""What scikit-learn's CountVectorizer and TfidfVectorizer, and the formula of Wang and Manning 2012, make of
5,000 real reviews, as digests and sums.

Writes crates/featurize/tests/it/bags.txt, which a test compares ours with: a line for each 100 reviews.
Run it in an environment with requirements.txt installed, and the real reviews in CINESCORE_DATA:

    python benchmarks/featurize/bags.py

N-grams of one to three terms; the 30,000 most frequent of the training reviews, ties by bytes, numbered in
that order. A line has the name, the first review, the number of values, BLAKE3 of the reviews' numbers (as
little-endian uint32, then 2^32 - 1), the sum of the values, and their sum when each is multiplied by its
number modulo 97, plus 1. scikit-learn has no log-count ratios, so these follow the paper's formula here: with
the presence of n-grams f in a review, p = 1 + the sum of f over positive reviews, q the same over negative ones,
r = log((p / |p|) / (q / |q|)), a review's values are r * f. A review is positive or negative by its number,
as the test's reviews are: their score is (number mod 256) mod 10, plus 1.
"""

import os

import blake3
import numpy
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

import reviews

REVIEWS_A_DIGEST = 100
NGRAMS = (1, 3)
SIZE = 30_000


def vocabulary(train):
    counter = CountVectorizer(ngram_range=NGRAMS)
    counts = numpy.asarray(counter.fit_transform(train).sum(axis=0)).ravel()
    names = counter.get_feature_names_out()
    # Those that may be among the most frequent; all ties stay.
    least = numpy.sort(counts)[-SIZE]
    kept = [(-int(counts[at]), names[at].encode(), names[at]) for at in numpy.nonzero(counts >= least)[0]]
    return [name for _count, _bytes, name in sorted(kept)[:SIZE]]


def ratios(names, everything, train, scores):
    binary = CountVectorizer(ngram_range=NGRAMS, vocabulary=names, binary=True)
    of_train = binary.transform(train)
    positive = 1.0 + numpy.asarray(of_train[scores > 6].sum(axis=0)).ravel()
    negative = 1.0 + numpy.asarray(of_train[scores < 5].sum(axis=0)).ravel()
    ratio = numpy.log((positive / positive.sum()) / (negative / negative.sum()))
    return binary.transform(everything).multiply(ratio).tocsr()


def lines(name, matrix):
    matrix.sort_indices()
    for begin in range(0, matrix.shape[0], REVIEWS_A_DIGEST):
        digest = blake3.blake3()
        count, total, weighted = 0, 0.0, 0.0
        for row in range(begin, min(begin + REVIEWS_A_DIGEST, matrix.shape[0])):
            at = slice(matrix.indptr[row], matrix.indptr[row + 1])
            numbers, values = matrix.indices[at], matrix.data[at].astype("f8")
            digest.update(numpy.append(numbers, 0xFFFFFFFF).astype("<u4").tobytes())
            count += len(numbers)
            total += values.sum()
            weighted += (values * (numbers % 97 + 1)).sum()
        yield f"{name} {begin} {count} {digest.hexdigest()} {total:.6f} {weighted:.6f}\n"


def main():
    # As in the test: every seventh review of the archive, until there are 5,000, with their numbers.
    examples = list(enumerate(reviews.read()))[::7][:5000]
    everything = [text for _number, (_split, text) in examples]
    train = [text for _number, (split, text) in examples if split == "train"]
    scores = numpy.array([number % 256 % 10 + 1 for number, (split, _text) in examples if split == "train"])
    names = vocabulary(train)
    counts = CountVectorizer(ngram_range=NGRAMS, vocabulary=names).transform(everything)
    tf_idf = TfidfVectorizer(ngram_range=NGRAMS, vocabulary=names).fit(train).transform(everything)
    tables = {
        "counts": counts.tocsr(),
        "tf_idf": tf_idf.tocsr(),
        "log_count_ratio": ratios(names, everything, train, scores),
    }
    here = os.path.dirname(os.path.abspath(__file__))
    path = os.path.join(here, "..", "..", "crates", "featurize", "tests", "it", "bags.txt")
    with open(path, "w", encoding="ascii") as out:
        out.write("# Made by benchmarks/featurize/bags.py, which says what the columns are.\n")
        for name, matrix in tables.items():
            out.writelines(lines(name, matrix))


main()
