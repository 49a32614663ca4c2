"""What linear models give on movies held out of the training reviews, and what a bent line makes of their outputs.

    VENV/bin/python benchmarks/train/held_out.py --data DIR [--folds 2]

DIR has Stanford's archive; VENV has scikit-learn. The test reviews are not read. Movies are divided into five folds by chance (seed 0); each
model learns from four of them and is read off the fifth. Naive-Bayes log-count ratios (Wang and Manning, ACL 2012) and
tf-idf, both of 1-3-grams that occur in two reviews at least, each review's values divided by their Euclidean length; `undivided`: not divided;
`ending`: n-grams of one and two of the last 60 terms are features of their own as well. The scores 5 and 6 do not occur, so that the mean score for an output is no line: the last
rows fit score = a + b z + c tanh(z) to the outputs z, and read it off by cross-validation within the held-out reviews.
"""

import argparse
import pathlib
import re
import tarfile

import numpy
from scipy.sparse import diags
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import normalize

TERM = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[!?.,;:()\"*]")
NAME = re.compile(r"train/(?:neg|pos)/(\d+)_(\d+)\.txt$")
ENDING = 60


def reviews(data):
    """Terms, scores and movies of the labelled training reviews."""
    texts, movies = [], {}
    with tarfile.open(next(iter(sorted(data.glob("aclImdb*.tar.gz"))))) as archive:
        for member in archive:
            name = NAME.search(member.name)
            if name:
                text = archive.extractfile(member).read().decode("utf8", "replace")
                text = re.sub(r"<br\s*/?>", " ", text).lower()
                texts.append((member.name.split("/")[-2], int(name[1]), int(name[2]), TERM.findall(text)))
            elif member.name.split("/")[-1] in ("urls_neg.txt", "urls_pos.txt") and "/train/" in member.name:
                lines = archive.extractfile(member).read().decode().splitlines()
                movies[member.name[-7:-4]] = [re.search(r"tt\d+", line)[0] for line in lines]
    terms = [text[3] for text in texts]
    return terms, numpy.array([text[2] for text in texts]), [movies[text[0]][text[1]] for text in texts]


def ngrams(terms, longest, mark=""):
    for length in range(1, longest + 1):
        for begin in range(len(terms) - length + 1):
            yield mark + " ".join(terms[begin : begin + length])


def whole(terms):
    yield from ngrams(terms, 3)


def with_ending(terms):
    yield from ngrams(terms, 3)
    yield from ngrams(terms[-ENDING:], 2, "end ")


def outputs(train, test, positive, scores):
    """What each model says of the test reviews, 0 between good and bad."""
    found = {}
    for features, analyzer in (("", whole), (", ending", with_ending)):
        counter = CountVectorizer(analyzer=analyzer, min_df=2, binary=True, dtype=numpy.float32)
        seen, new = counter.fit_transform(train), counter.transform(test)
        counts = [seen.T @ (positive == label).astype(float) + 1 for label in (1, 0)]
        ratios = numpy.log((counts[0] / counts[0].sum()) / (counts[1] / counts[1].sum())).astype(numpy.float32)
        bayes = [normalize(bags @ diags(ratios)) for bags in (seen, new)]
        logistic = LogisticRegression(C=30, solver="liblinear", dual=True).fit(bayes[0], positive)
        found[f"logistic regression on naive Bayes{features}"] = logistic.decision_function(bayes[1])
        if features:
            continue
        logistic = LogisticRegression(solver="liblinear", dual=True).fit(seen @ diags(ratios), positive)
        found["logistic regression on naive Bayes, undivided"] = logistic.decision_function(new @ diags(ratios))
        model = Ridge(solver="sparse_cg", tol=1e-3).fit(bayes[0], scores)
        found["ridge regression on naive Bayes"] = model.predict(bayes[1]) - 5.5
        rarity = numpy.log(len(train) / numpy.asarray(seen.sum(0)).ravel()).astype(numpy.float32) + 1
        rare = [normalize(bags @ diags(rarity)) for bags in (seen, new)]
        model = Ridge(solver="sparse_cg", tol=1e-3).fit(rare[0], scores)
        found["ridge regression on tf-idf"] = model.predict(rare[1]) - 5.5
    return found


def bent(columns, scores):
    inputs = numpy.concatenate([columns, numpy.tanh(columns)], 1)
    return cross_val_predict(Ridge(1e-3), inputs, scores, cv=10).clip(1, 10)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="where Stanford's reviews lie")
    parser.add_argument("--folds", type=int, default=2, choices=range(1, 6), help="how many of the five are held out in turn")
    arguments = parser.parse_args()
    terms, scores, movies = reviews(arguments.data)
    number = {movie: at for at, movie in enumerate(sorted(set(movies)))}
    fold_of = numpy.random.RandomState(0).randint(0, 5, len(number))
    folds = fold_of[[number[movie] for movie in movies]]
    positive = (scores > 5).astype(int)
    found = {}
    for fold in range(arguments.folds):
        train, test = numpy.flatnonzero(folds != fold), numpy.flatnonzero(folds == fold)
        said = outputs([terms[at] for at in train], [terms[at] for at in test], positive[train], scores[train])
        for name, values in said.items():
            found.setdefault(name, []).append(values)
    held = numpy.concatenate([numpy.flatnonzero(folds == fold) for fold in range(arguments.folds)])
    found = {name: numpy.concatenate(values) for name, values in found.items()}
    print(f"\n{len(held)} reviews of held-out movies\n")
    print("| model | accuracy | MSE, stars squared | MSE, bent |\n|---|---|---|---|")
    error = lambda values: ((values - scores[held]) ** 2).mean()
    for name, values in found.items():
        plain = f"{error((values + 5.5).clip(1, 10)):.2f}" if name.startswith("ridge") else ""
        right = ((values > 0) == (positive[held] == 1)).mean()
        print(f"| {name} | {right:.4f} | {plain} | {error(bent((values / values.std())[:, None], scores[held])):.2f} |")
    columns = numpy.stack([values / values.std() for values in found.values()], 1)
    label = cross_val_predict(LogisticRegression(C=100), columns, positive[held], cv=10)
    print(f"| all of them | {(label == positive[held]).mean():.4f} | | {error(bent(columns, scores[held])):.2f} |")


if __name__ == "__main__":
    main()
