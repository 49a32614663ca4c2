#!/usr/bin/env python3
"""How hard the sample's reviews are, measured with scikit-learn.

Reads a folder that holds `aclImdb_v1.tar.gz` as `cinescore-ingest sample --out FOLDER` makes it, trains
logistic regressions on its training half and tests them on its test half:

- `unigrams`: which words occur (without order). It should reach 0.75 to 0.88: neither noise nor trivial.
- `1-2-grams`, `1-3-grams`: with pairs and triples of words. Word order should be worth at least 0.03 more.
- `stars`: a ridge regression of the number of stars on 1-2-grams, beside the mean (mean squared errors).

The regularisation is chosen by cross-validation within the training half. Exit status 1 if one of the
two bounds is missed.

    python3 -m venv VENV && VENV/bin/pip install scikit-learn==1.7.2
    cinescore-ingest sample --out FOLDER
    VENV/bin/python benchmarks/sample_difficulty.py FOLDER [FOLDER ...]
"""

import re
import sys
import tarfile
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV

LOWEST, HIGHEST, ORDER_IS_WORTH = 0.75, 0.88, 0.03


def read(folder: Path) -> dict[str, tuple[list[str], np.ndarray]]:
    """Texts and stars of both halves."""
    halves: dict[str, tuple[list[str], list[int]]] = {"train": ([], []), "test": ([], [])}
    with tarfile.open(folder / "aclImdb_v1.tar.gz") as archive:
        for member in archive:
            found = re.fullmatch(r"aclImdb/(train|test)/(?:pos|neg)/\d+_(\d+)\.txt", member.name)
            if found:
                texts, stars = halves[found[1]]
                texts.append(archive.extractfile(member).read().decode().replace("<br />", " "))
                stars.append(int(found[2]))
    return {half: (texts, np.array(stars)) for half, (texts, stars) in halves.items()}


def measure(folder: Path) -> bool:
    """Prints the figures of one sample; whether it keeps the bounds."""
    (train, train_stars), (test, test_stars) = read(folder).values()
    words = np.array([len(text.split()) for text in train])
    print(f"{folder}: {len(train)} + {len(test)} reviews, words: median {np.median(words):.0f}, "
          f"mean {words.mean():.0f}, 90 % {np.quantile(words, 0.9):.0f}, {words.min()} to {words.max()}")
    accuracy = {}
    for longest, name in [(1, "unigrams"), (2, "1-2-grams"), (3, "1-3-grams")]:
        vectorizer = CountVectorizer(ngram_range=(1, longest), min_df=2, binary=True)
        x, z = vectorizer.fit_transform(train), vectorizer.transform(test)
        model = LogisticRegressionCV(Cs=[0.003, 0.01, 0.03, 0.1, 0.3, 1.0], cv=4, max_iter=2000, n_jobs=1)
        model.fit(x, train_stars > 5)
        accuracy[longest] = model.score(z, test_stars > 5)
        print(f"  {name:10} {x.shape[1]:7} features, C {model.C_[0]:g}: accuracy {accuracy[longest]:.4f}")
        if longest == 2:
            ridge = RidgeCV(alphas=[10, 30, 100, 300, 1000]).fit(x, train_stars)
            error = ((np.clip(ridge.predict(z), 1, 10) - test_stars) ** 2).mean()
            trivial = ((train_stars.mean() - test_stars) ** 2).mean()
            print(f"  stars      mean squared error {error:.3f}, of the mean {trivial:.3f}")
    gain = max(accuracy[2], accuracy[3]) - accuracy[1]
    kept = LOWEST <= accuracy[1] <= HIGHEST and gain >= ORDER_IS_WORTH
    print(f"  word order is worth {gain:+.4f}: bounds {'kept' if kept else 'MISSED'}")
    return kept


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(0 if all([measure(Path(folder)) for folder in sys.argv[1:]]) else 1)
