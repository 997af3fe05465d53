"""The floor under a build: read and hash every source, write as many bytes to as many files in the same way.

    python benchmarks/floor.py TREE SIZES OUT

SIZES holds a line per lock: its size and its path. Imports nothing of trainlock, and nothing that parses.
"""

import hashlib
import os
import sys


def read_all(folder: str) -> int:
    """Read and hash every file below a folder."""
    total = 0
    for entry in os.scandir(folder):
        if entry.is_dir():
            total += read_all(entry.path)
            continue
        descriptor = os.open(entry.path, os.O_RDONLY)
        data = os.read(descriptor, os.fstat(descriptor).st_size + 1)
        os.close(descriptor)
        total += len(hashlib.sha256(data).hexdigest())
    return total


def write(path: str, size: int, made: set[str]) -> None:
    """Write a file by a temporary one in the same folder, which takes its place in one step."""
    folder, name = os.path.split(path)
    if folder not in made:
        os.makedirs(folder, exist_ok=True)
        made.add(folder)
    temporary = os.path.join(folder, f".{name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    os.write(descriptor, b"x" * size)
    os.close(descriptor)
    os.replace(temporary, path)


def main() -> None:
    """Do the least that a build of the tree could do."""
    root, sizes, out = sys.argv[1:]
    read_all(os.path.join(root, "configs"))
    made: set[str] = set()
    with open(sizes, encoding="utf-8") as file:
        for line in file:
            size, path = line.rstrip("\n").split(" ", 1)
            write(os.path.join(out, path), int(size), made)


if __name__ == "__main__":
    main()
