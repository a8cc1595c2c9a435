#!/usr/bin/env python3
"""Makes the .torrent files in this folder, and vectors.txt with their info-hashes.

Needs python3-libtorrent 2.0, mktorrent and transmission-create; the Go tests need none of them, they make the same
files' bytes by the rule of fill() and hold what they encode against what is here.

    ./make_vectors.py
"""

import hashlib
import os
import subprocess
import sys
import tempfile

import libtorrent as lt

HERE = os.path.dirname(os.path.abspath(__file__))

# Every case: piece length, private, and the files in the order of a file tree. A lone file has no folder.
CASES = {
    "single": (16384, False, [("single.bin", 70000)]),
    "small": (32768, False, [("small.bin", 100)]),
    "exact": (32768, True, [("exact.bin", 65536)]),
    "one": (32768, False, [("one/only.bin", 70000)]),
    "emptyfirst": (32768, False, [("emptyfirst/a", 0), ("emptyfirst/b", 10)]),
    "emptylast": (32768, False, [("emptylast/a", 10), ("emptylast/b", 32768), ("emptylast/c", 0)]),
    "multi": (32768, True, [
        ("multi/.hidden", 3),
        ("multi/B", 3),
        ("multi/a/deep/er/x.txt", 32768),
        ("multi/a/empty", 0),
        ("multi/a.txt", 40000),
        ("multi/b.txt", 200000),
        ("multi/\u00e4\u00f6\u00fc \u65e5\u672c.bin", 33000),
    ]),
}

FORMATS = {
    "v1": lt.create_torrent.v1_only,
    "v2": lt.create_torrent.v2_only,
    "hybrid": 0,
}


def fill(path, size):
    """The bytes of the file of that path: they depend on the path and the size only."""
    seed = sum(path.encode()) % 251 + 1
    return bytes((i * seed + i // 251) % 256 for i in range(size))


def libtorrent(root, case, fmt):
    piece, private, files = CASES[case]
    fs = lt.file_storage()
    for path, size in files:
        fs.add_file(path, size)
    ct = lt.create_torrent(fs, piece, FORMATS[fmt])
    ct.set_priv(private)
    ct.set_comment("potluck test vector")
    lt.set_piece_hashes(ct, root)
    made = ct.generate()
    made.pop(b"creation date", None)
    return lt.bencode(made)


def mktorrent(root, case, out):
    piece, private, files = CASES[case]
    cmd = ["mktorrent", "-d", "-a", "http://tracker.invalid/announce", "-l", str(piece.bit_length() - 1), "-o", out, files[0][0].split("/")[0]]
    subprocess.run(cmd + (["-p"] if private else []), cwd=root, check=True, stdout=subprocess.DEVNULL)


def transmission(root, case, out):
    piece, private, files = CASES[case]
    cmd = ["transmission-create", "-t", "http://tracker.invalid/announce", "-s", str(piece // 1024), "-o", out, files[0][0].split("/")[0]]
    subprocess.run(cmd + (["-p"] if private else []), cwd=root, check=True, stdout=subprocess.DEVNULL)


def info_bytes(torrent):
    """The info dictionary as it is written: our own small scan, so as not to encode it again."""

    def end(i):
        if torrent[i:i + 1] == b"i":
            return torrent.index(b"e", i) + 1
        if torrent[i:i + 1] in (b"l", b"d"):
            i += 1
            while torrent[i:i + 1] != b"e":
                i = end(i)
            return i + 1
        colon = torrent.index(b":", i)
        return colon + 1 + int(torrent[i:colon])

    i = 1
    while True:
        value = end(i)
        if torrent[i:value] == b"4:info":
            return torrent[value:end(value)]
        i = end(value)


def main():
    lines = []

    def record(name, torrent):
        with open(os.path.join(HERE, name + ".torrent"), "wb") as f:
            f.write(torrent)
        info = info_bytes(torrent)
        v2 = b"12:meta versioni2e" in info
        v1 = b"6:pieces" in info
        lines.append(" ".join([
            name,
            hashlib.sha1(info).hexdigest() if v1 else "-",
            hashlib.sha256(info).hexdigest() if v2 else "-",
        ]))

    with tempfile.TemporaryDirectory() as root:
        for _, _, files in CASES.values():
            for path, size in files:
                at = os.path.join(root, path)
                os.makedirs(os.path.dirname(at), exist_ok=True)
                with open(at, "wb") as f:
                    f.write(fill(path, size))
        for case in CASES:
            for fmt in FORMATS:
                record(f"libtorrent-{fmt}-{case}", libtorrent(root, case, fmt))
        # mktorrent takes no piece shorter than 32 KiB.
        for case in ("small", "exact", "one", "multi"):
            for tool in (mktorrent, transmission):
                out = os.path.join(root, "out.torrent")
                tool(root, case, out)
                with open(out, "rb") as f:
                    record(f"{tool.__name__}-v1-{case}", f.read())
                os.remove(out)
    with open(os.path.join(HERE, "vectors.txt"), "w") as f:
        f.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
