"""What Keras, scikit-learn and Hugging Face's tokenizers make of 5,000 real reviews, as digests.

Writes crates/featurize/tests/it/peers.txt, which a test compares ours with, every id of every review:
a digest for each 50 reviews and peer. Run it in an environment with requirements.txt installed, and the
real reviews in CINESCORE_DATA:

    python benchmarks/featurize/peers.py

A review's bytes are its ids as little-endian int32, then -1. Ids count from 3 in the order of
descending counts on the training reviews among the 5,000, ties by the token's bytes; so they follow
from the peer's tokens alone. The ids of subwords are the peer's own.
"""

import collections
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import blake3
import numpy
from keras.src.legacy.preprocessing.text import text_to_word_sequence
from sklearn.feature_extraction.text import CountVectorizer
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

import reviews

REVIEWS_A_DIGEST = 50
RESERVED = ["<padding>", "<start>", "<unknown>"]
SUBWORDS = 8000


def chosen():
    """Every seventh review of the archive, until there are 5,000."""
    return reviews.read()[::7][:5000]


def ids_by_count(tokenize, examples):
    lists = [tokenize(text) for _split, text in examples]
    counts = collections.Counter()
    for (split, _text), tokens in zip(examples, lists):
        if split == "train":
            counts.update(tokens)
    order = sorted(counts, key=lambda token: (-counts[token], token.encode("utf-8")))
    ids = {token: number for number, token in enumerate(order, 3)}
    return [[ids.get(token, 2) for token in tokens] for tokens in lists]


def subwords(examples):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=SUBWORDS,
        min_frequency=2,
        special_tokens=RESERVED,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    train = [text.lower() for split, text in examples if split == "train"]
    tokenizer.train_from_iterator(train, trainer)
    return [encoding.ids for encoding in tokenizer.encode_batch([text.lower() for _split, text in examples])]


def main():
    examples = chosen()
    sklearn = CountVectorizer().build_analyzer()
    lists = {
        "whitespace": ids_by_count(lambda text: text.lower().split(), examples),
        "keras": ids_by_count(text_to_word_sequence, examples),
        "sklearn": ids_by_count(sklearn, examples),
        "subword": subwords(examples),
    }
    here = os.path.dirname(os.path.abspath(__file__))
    path = os.path.join(here, "..", "..", "crates", "featurize", "tests", "it", "peers.txt")
    with open(path, "w", encoding="ascii") as out:
        out.write("# Made by benchmarks/featurize/peers.py: peer, reviews from, ids, BLAKE3 of their ids.\n")
        for peer, ids in lists.items():
            for begin in range(0, len(ids), REVIEWS_A_DIGEST):
                digest = blake3.blake3()
                count = 0
                for review in ids[begin : begin + REVIEWS_A_DIGEST]:
                    digest.update(numpy.array(review + [-1], dtype="<i4").tobytes())
                    count += len(review)
                out.write(f"{peer} {begin} {count} {digest.hexdigest()}\n")


main()
