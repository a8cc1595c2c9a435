"""Makes vectors.json and exchange.json with libtorrent: what it computes for the same content, and how it answers hash
requests. Needs Debian's python3-libtorrent; run it without a network:

    unshare -rn sh -c 'ip link set lo up; python3 vectors.py'

Block n of file k is the SHA-256 of "k/n", over and over.
"""

import hashlib
import json
import os
import socket
import struct
import tempfile
import time

import libtorrent as lt

BLOCK = 16384
KIB = 1024


def content(k, size):
    blocks = (size + BLOCK - 1) // BLOCK
    data = b"".join(hashlib.sha256(b"%d/%d" % (k, n)).digest() * 512 for n in range(blocks))
    return data[:size]


FLAGS = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}


def make(parent, sizes, piece_length, fmt):
    """A torrent of the files in order, and its metainfo."""
    fs = lt.file_storage()
    if len(sizes) == 1:
        names = ["d"]
    else:
        os.makedirs(os.path.join(parent, "d"), exist_ok=True)
        names = ["d/f%02d" % k for k in range(len(sizes))]
    for k, (name, size) in enumerate(zip(names, sizes)):
        with open(os.path.join(parent, name), "wb") as f:
            f.write(content(k, size))
        fs.add_file(name, size)
    ct = lt.create_torrent(fs, piece_size=piece_length, flags=FLAGS[fmt])
    lt.set_piece_hashes(ct, parent)
    return ct.generate()


def leaves(tree):
    for name in sorted(tree):
        if name == b"":
            yield tree[name]
        else:
            yield from leaves(tree[name])


def vector(sizes, piece_length, fmt):
    with tempfile.TemporaryDirectory() as parent:
        t = make(parent, sizes, piece_length, fmt)
    info = t[b"info"]
    v = {"format": fmt, "piece_length": piece_length, "sizes": sizes, "info": lt.bencode(info).hex()}
    if fmt != "v1":
        v["roots"] = [f.get(b"pieces root", b"").hex() for f in leaves(info[b"file tree"])]
        v["layers"] = {root.hex(): layer.hex() for root, layer in t[b"piece layers"].items()}
    return v


def vectors():
    out = []
    for piece in (16 * KIB, 32 * KIB, 64 * KIB):
        lone = [1, BLOCK - 1, BLOCK, BLOCK + 1, piece - 1, piece, piece + 1, 5 * piece + 3]
        for fmt in FLAGS:
            for size in sorted(set(lone)):
                out.append(vector([size], piece, fmt))
            out.append(vector([0, 1, piece, 0, piece + 1, 5 * piece + 3, 3 * BLOCK, 0, 70000, 0], piece, fmt))
            out.append(vector([3 * piece + 5, 0], piece, fmt))
    out.append(vector([100, 5, 7000, 16384, 3, 50000, 1], 48 * KIB, "v1"))
    return out


class Peer:
    """Just enough of a peer to ask for hashes."""

    def __init__(self, port, info_hash):
        self.s = socket.create_connection(("127.0.0.1", port))
        self.s.sendall(b"\x13BitTorrent protocol" + b"\0\0\0\0\0\x10\0\x14" + info_hash + b"-XX0000-abcdefghijkl")
        self.read(68)

    def read(self, n):
        b = b""
        while len(b) < n:
            got = self.s.recv(n - len(b))
            if not got:
                raise EOFError
            b += got
        return b

    def ask(self, root, base, index, length, proof):
        body = root + struct.pack(">IIII", base, index, length, proof)
        self.s.sendall(struct.pack(">IB", 49, 21) + body)
        while True:
            (n,) = struct.unpack(">I", self.read(4))
            if n == 0:
                continue
            m = self.read(n)
            if m[0] in (22, 23) and m[1:49] == body:
                return m[49:] if m[0] == 22 else None


def exchange():
    """Files of 1, 3, 5, 512, 513 and 1300 pieces of 32 KiB, and what a seeder answers."""
    piece = 32 * KIB
    sizes = [20000, 3 * piece, 4 * piece + 1, 512 * piece, 512 * piece + 20000, 1299 * piece + 7]
    heights = [1, 3, 4, 10, 11, 12]
    asked = []
    with tempfile.TemporaryDirectory() as parent:
        t = make(parent, sizes, piece, "v2")
        roots = [f[b"pieces root"] for f in leaves(t[b"info"][b"file tree"])]
        ses = lt.session({"listen_interfaces": "127.0.0.1:0", "enable_dht": False, "enable_lsd": False,
                          "enable_upnp": False, "enable_natpmp": False, "in_enc_policy": 2, "out_enc_policy": 2})
        ti = lt.torrent_info(t)
        h = ses.add_torrent({"ti": ti, "save_path": parent})
        while not h.status().is_seeding:
            time.sleep(0.1)
        peer = Peer(ses.listen_port(), ti.info_hashes().v2.to_bytes()[:20])
        for k, (root, height) in enumerate(zip(roots, heights)):
            pieces = (sizes[k] + piece - 1) // piece
            tries = [(0, 0, 2, 0)]
            if height > 1:
                for c in range(0, pieces, 512):
                    n = 2
                    while n < min(512, pieces - c):
                        n *= 2
                    tries += [(1, c, n, height - 2), (1, c, n, 0), (1, c, n, height - 3), (1, c, n, height - 1)]
                last = (pieces - 1) * 2
                tries += [(0, last, 2, 0), (0, 0, 2, height - 1), (0, last, 2, height - 1), (0, 2, 2, 1), (0, 0, 4, 2)]
                tries += [(1, 2, 2, height - 2), (1, 0, 2, 1)]
            for base, index, length, proof in tries:
                if proof < 0:
                    continue
                answer = peer.ask(root, base, index, length, proof)
                asked.append({
                    "file": k, "base": base, "index": index, "length": length, "proof": proof,
                    "hashes": -1 if answer is None else len(answer) // 32,
                    "digest": "" if answer is None else hashlib.sha256(answer).hexdigest(),
                })
    return {"piece_length": piece, "sizes": sizes, "roots": [r.hex() for r in roots], "asked": asked}


here = os.path.dirname(os.path.abspath(__file__))
for name, value in (("vectors.json", vectors()), ("exchange.json", exchange())):
    with open(os.path.join(here, name), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(v) for v in value) + "\n]\n" if isinstance(value, list) else json.dumps(value) + "\n")
