"""The peers of speed.py: the tutorial's LSTM in PyTorch or in Keras, trained on padded reviews, in a process of its own.

    peer.py torch|keras TOKENS.parquet --epochs N [--batch N] [--flush] [--evaluate]

Reads `tokens` of `featurize text`, prints one line of JSON: seconds of each epoch (forward, backward, step), processor
seconds of them, and, if asked, what it says of the validation reviews.
"""

import argparse
import json
import os
import time

LENGTH, IDS, SIZE, UNITS = 500, 5000, 32, 100


def read(path, split):
    import numpy
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path, columns=["split", "ids", "polarity"])
    rows = [row for row, name in enumerate(table["split"].to_pylist()) if name == split]
    table = table.take(rows)
    ids = table["ids"].combine_chunks().flatten().to_numpy().reshape(len(rows), LENGTH)
    return ids, numpy.array(table["polarity"].to_pylist(), dtype="float32")


def with_torch(arguments, ids, labels, valid):
    import torch

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    torch.manual_seed(7)
    torch.set_flush_denormal(arguments.flush)

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(IDS, SIZE)
            self.lstm = torch.nn.LSTM(SIZE, UNITS, batch_first=True)
            self.head = torch.nn.Linear(UNITS, 1)
            # Keras' beginning, from which this network learns sooner: as `init: keras` in its network file.
            torch.nn.init.uniform_(self.embedding.weight, -0.05, 0.05)
            torch.nn.init.xavier_uniform_(self.lstm.weight_ih_l0)
            torch.nn.init.orthogonal_(self.lstm.weight_hh_l0)
            torch.nn.init.zeros_(self.lstm.bias_ih_l0)
            torch.nn.init.zeros_(self.lstm.bias_hh_l0)
            torch.nn.init.ones_(self.lstm.bias_ih_l0.data[UNITS : 2 * UNITS])
            torch.nn.init.xavier_uniform_(self.head.weight)
            torch.nn.init.zeros_(self.head.bias)

        def forward(self, ids):
            return self.head(self.lstm(self.embedding(ids))[0][:, -1]).squeeze(1)

    network, loss = Network(), torch.nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    ids, labels = torch.from_numpy(ids), torch.from_numpy(labels)

    def epoch():
        order = torch.randperm(len(ids))
        for begin in range(0, len(ids), arguments.batch):
            rows = order[begin : begin + arguments.batch]
            optimizer.zero_grad()
            loss(network(ids[rows]), labels[rows]).backward()
            optimizer.step()

    def say():
        with torch.no_grad():
            parts = [torch.sigmoid(network(part)) for part in torch.from_numpy(valid).split(arguments.batch)]
            return torch.cat(parts).tolist()

    return epoch, say


def with_keras(arguments, ids, labels, valid):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    from tensorflow import keras

    keras.utils.set_random_seed(7)
    layers = [
        keras.layers.Embedding(IDS, SIZE),
        keras.layers.LSTM(UNITS),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
    network = keras.Sequential(layers)
    network.compile(loss="binary_crossentropy", optimizer="adam")
    # What is compiled at the first call is no part of an epoch.
    network.train_on_batch(ids[: arguments.batch], labels[: arguments.batch])

    def epoch():
        network.fit(ids, labels, batch_size=arguments.batch, epochs=1, verbose=0)

    return epoch, lambda: network.predict(valid, verbose=0).ravel().tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=["torch", "keras"])
    parser.add_argument("tokens")
    parser.add_argument("--flush", action="store_true", help="take denormal numbers as 0 (PyTorch)")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--evaluate", action="store_true")
    arguments = parser.parse_args()
    ids, labels = read(arguments.tokens, "train")
    valid = read(arguments.tokens, "valid")[0]
    build = {"torch": with_torch, "keras": with_keras}[arguments.library]
    epoch, say = build(arguments, ids, labels, valid)
    told = {"examples": len(ids), "secs": [], "cpu_secs": [], "said": []}
    for _ in range(arguments.epochs):
        began, cpu = time.perf_counter(), time.process_time()
        epoch()
        told["secs"].append(time.perf_counter() - began)
        told["cpu_secs"].append(time.process_time() - cpu)
        if arguments.evaluate:
            told["said"].append(say())
    print(json.dumps(told))


if __name__ == "__main__":
    main()
