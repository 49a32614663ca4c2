"""The real reviews, in the order that the tests read them in."""

import os
import tarfile

ARCHIVE = "aclImdb_v1.labelled.tar.gz"


def archive():
    folder = os.environ.get("CINESCORE_DATA")
    if folder is None:
        here = os.path.dirname(os.path.abspath(__file__))
        folder = os.path.join(here, "..", "..", "..", "shared", "data")
    return os.path.join(folder, ARCHIVE)


def read():
    """Pairs of (split, text), sorted by split, class and file name."""
    reviews = []
    with tarfile.open(archive()) as tar:
        for member in tar:
            parts = member.name.split("/")
            if len(parts) == 4 and parts[3].endswith(".txt"):
                text = tar.extractfile(member).read().decode("utf-8")
                reviews.append((tuple(parts[1:]), text))
    reviews.sort()
    return [(key[0], text) for key, text in reviews]


def write(path, times=1):
    """For each review its split, a zero byte, its text, a zero byte; all of them so many times."""
    everything = read()
    with open(path, "wb") as out:
        for _time in range(times):
            for split, text in everything:
                out.write(f"{split}\0{text}\0".encode())


if __name__ == "__main__":
    import sys

    write(sys.argv[1])
