"""Fits a vocabulary on the training reviews and encodes all of them, with one peer: JSON of the seconds.

    python peer_speed.py FILE PEER THREADS [DUMP]

DUMP.ids gets the ids and DUMP.json the tokens by id, for compare.py. FILE is what reviews.py writes. Lower case, white space, 20,000 ids, lists of 500, cut and padded behind.
"""

import json
import os
import sys
import time

IDS = 20_000
LENGTH = 500


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        fields = file.read().split("\0")
    return list(zip(fields[0::2], fields[1::2]))


class Clock:
    def __enter__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_error):
        self.wall = time.perf_counter() - self.wall
        self.cpu = time.process_time() - self.cpu


def dump(path, ids, vocabulary):
    import numpy

    if ids is not None:
        numpy.asarray(ids, dtype="<i4").tofile(f"{path}.ids")
    with open(f"{path}.json", "w", encoding="utf-8") as out:
        json.dump(vocabulary, out)


def plain(train, texts, _threads, path):
    import collections

    with Clock() as fit:
        counts = collections.Counter()
        for text in train:
            counts.update(text.lower().split())
        ids = {token: number for number, (token, _count) in enumerate(counts.most_common(IDS - 3), 3)}
    with Clock() as encode:
        lists = []
        for text in texts:
            found = [ids.get(token, 2) for token in text.lower().split()[:LENGTH]]
            lists.append(found + [0] * (LENGTH - len(found)))
    if path:
        dump(path, lists, ["", "", "", *ids])
        with open(f"{path}.counts.json", "w", encoding="utf-8") as out:
            json.dump({token: counts[token] for token in ids}, out)
    return fit, encode


def keras(train, texts, threads, path):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow
    from keras.layers import TextVectorization

    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    layer = TextVectorization(
        max_tokens=IDS, standardize="lower", split="whitespace", output_sequence_length=LENGTH
    )
    dataset = tensorflow.data.Dataset.from_tensor_slices(train).batch(1024)
    with Clock() as fit:
        layer.adapt(dataset)
    with Clock() as encode:
        for begin in range(0, len(texts), 1024):
            layer(tensorflow.constant(texts[begin : begin + 1024]))
    if path:
        batches = (texts[begin : begin + 1024] for begin in range(0, len(texts), 1024))
        ids = tensorflow.concat([layer(tensorflow.constant(batch)) for batch in batches], 0)
        dump(path, ids.numpy(), layer.get_vocabulary())
    return fit, encode


def sklearn(train, texts, _threads, path):
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(max_features=IDS, token_pattern=r"\S+")
    with Clock() as fit:
        vectorizer.fit(train)
    with Clock() as encode:
        vectorizer.transform(texts)
    if path:
        dump(path, None, sorted(vectorizer.vocabulary_))
    return fit, encode


def tokenizers(train, texts, threads, path):
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false" if threads == 1 else "true"
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordLevelTrainer(
        vocab_size=IDS, special_tokens=["[PAD]", "[UNK]"], show_progress=False
    )
    with Clock() as fit:
        tokenizer.train_from_iterator(train, trainer)
    tokenizer.enable_truncation(LENGTH)
    tokenizer.enable_padding(length=LENGTH)
    with Clock() as encode:
        for begin in range(0, len(texts), 1024):
            for encoding in tokenizer.encode_batch(texts[begin : begin + 1024]):
                encoding.ids
    if path:
        ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        dump(path, ids, [tokenizer.id_to_token(id) for id in range(tokenizer.get_vocab_size())])
    return fit, encode


def main():
    path, peer, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    reviews = read(path)
    train = [text for split, text in reviews if split == "train"]
    texts = [text for _split, text in reviews]
    work = {"plain": plain, "keras": keras, "sklearn": sklearn, "tokenizers": tokenizers}[peer]
    fit, encode = work(train, texts, threads, sys.argv[4] if len(sys.argv) > 4 else None)
    print(json.dumps({"fit": vars(fit), "encode": vars(encode)}))


if __name__ == "__main__":
    main()
