#!/usr/bin/python3
"""A libtorrent peer for tests: makes torrents, says how libtorrent reads them, seeds and fetches.

    libtorrent_peer.py make PATH -o FILE [--format v1|v2|hybrid] [--piece-size N] [--tracker URL]... [--private]
    libtorrent_peer.py inspect FILE
    libtorrent_peer.py run FILE|MAGNET --listen IP:PORT --save DIR [--peer IP:PORT]... [--corrupt] [--utp] [--pex] [--lsd]
                           [--dht IP:PORT]... [--up N] [--down N] [--set NAME=N]... [--hold]

Every line on stdout is one JSON object. `run` reports its status several times a second and whenever something happens, takes
the address of one more peer per line on stdin, and ends when stdin does. With --hold it begins when stdin says "go".
"""

import argparse
import json
import os
import select
import sys

import libtorrent as lt


def say(**fields):
    print(json.dumps(fields), flush=True)


def hashes(info_hashes):
    v1 = str(info_hashes.v1) if info_hashes.has_v1() else ""
    v2 = str(info_hashes.v2) if info_hashes.has_v2() else ""
    return v1, v2


def make(args):
    path = os.path.abspath(args.source)
    files = lt.file_storage()
    lt.add_files(files, path)
    flags = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}[args.format]
    torrent = lt.create_torrent(files, args.piece_size, flags)
    for tier, url in enumerate(args.tracker):
        torrent.add_tracker(url, tier)
    torrent.set_priv(args.private)
    lt.set_piece_hashes(torrent, os.path.dirname(path))
    with open(args.output, "wb") as out:
        out.write(lt.bencode(torrent.generate()))
    inspect(argparse.Namespace(source=args.output))


def inspect(args):
    info = lt.torrent_info(args.source)
    v1, v2 = hashes(info.info_hashes())
    files = info.files()
    padding = {
        kind: [
            {"path": files.file_path(i), "size": files.file_size(i)}
            for i in range(files.num_files())
            if bool(files.file_flags(i) & lt.file_storage.flag_pad_file) == kind
        ]
        for kind in (False, True)
    }
    say(
        type="info",
        name=info.name(),
        infohash_v1=v1,
        infohash_v2=v2,
        piece_length=info.piece_length(),
        private=info.priv(),
        trackers=[t.url for t in info.trackers()],
        files=padding[False],
        pads=padding[True],
    )


def setting(text):
    name, number = text.split("=")
    return name, int(number)


def settings(args):
    host = args.listen.rsplit(":", 1)[0]
    chosen = {
        "listen_interfaces": args.listen,
        "outgoing_interfaces": host,
        "enable_dht": bool(args.dht),
        "dht_bootstrap_nodes": "",
        "dht_announce_interval": 5,
        "enable_lsd": args.lsd,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": args.utp,
        "enable_outgoing_utp": args.utp,
        "enable_incoming_tcp": not args.utp,
        "enable_outgoing_tcp": not args.utp,
        "allow_multiple_connections_per_ip": True,
        "announce_to_all_trackers": True,
        "announce_to_all_tiers": True,
        "min_reconnect_time": 1,
        "upload_rate_limit": args.up,
        "download_rate_limit": args.down,
        **dict(args.set),
        "alert_mask": lt.alert.category_t.error_notification
        | lt.alert.category_t.status_notification
        | lt.alert.category_t.connect_notification,
    }
    if args.corrupt:
        # Without hash checks what lies in the folder is served as it is, whatever the torrent says.
        chosen["disable_hash_checks"] = True
    if args.hold:
        # Who waits for its word is timed, and would wait half a second before it connects.
        chosen["tick_interval"] = 50
    return chosen


def load(args):
    if args.source.startswith("magnet:"):
        params = lt.parse_magnet_uri(args.source)
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(args.source)
    params.save_path = args.save
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    if args.corrupt:
        params.flags |= lt.torrent_flags.seed_mode
    if not args.pex:
        params.flags |= lt.torrent_flags.disable_pex
    return params


def describe(peer):
    host, port = peer.ip
    return {
        "address": ("[%s]:%d" if ":" in host else "%s:%d") % (host, port),
        "client": peer.client.decode("utf-8", "replace"),
        "downloaded": peer.total_download,
        "connected": not peer.flags & (peer.connecting | peer.handshake),
        "dialled": bool(peer.flags & peer.local_connection),
    }


def split(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def dial(handle, address):
    handle.connect_peer(split(address))


def begin(args, params):
    session = lt.session(settings(args))
    # By default addresses of private networks are exempt from the rate limits.
    everybody = lt.ip_filter()
    everybody.add_rule("0.0.0.0", "255.255.255.255", 1 << lt.session.global_peer_class_id)
    session.set_peer_class_filter(everybody)
    for address in args.dht:
        session.add_dht_node(split(address))
    handle = session.add_torrent(params)
    for address in args.peer:
        dial(handle, address)
    return session, handle


def run(args):
    params = load(args)
    if args.hold:
        # The session begins last: it connects on a beat of a second, and for the first time at its first tick.
        say(type="status", state="held", listening=True)
        if not sys.stdin.readline():
            return
    session, handle = begin(args, params)
    # Something that happens, as that all is there, is told at once.
    happened, happens = os.pipe()
    session.set_alert_fd(happens)
    pending = b""
    while True:
        readable = select.select([0, happened], [], [], 0.1)[0]
        if happened in readable:
            os.read(happened, 4096)
        if 0 in readable:
            more = os.read(0, 4096)
            if not more:
                return
            *lines, pending = (pending + more).split(b"\n")
            for line in lines:
                dial(handle, line.decode())
        for alert in session.pop_alerts():
            print(alert.message(), file=sys.stderr, flush=True)
        status = handle.status()
        say(
            type="status",
            state=str(status.state),
            listening=session.is_listening(),
            seeding=status.is_seeding,
            bytes_done=status.total_wanted_done,
            bytes_total=status.total_wanted,
            uploaded=status.total_payload_upload,
            downloaded=status.total_payload_download,
            wasted=status.total_failed_bytes,
            error=status.errc.message() if status.errc.value() else "",
            peers=[describe(p) for p in handle.get_peer_info()],
        )


def main():
    parser = argparse.ArgumentParser()
    modes = parser.add_subparsers(required=True)

    mode = modes.add_parser("make")
    mode.set_defaults(run=make)
    mode.add_argument("source")
    mode.add_argument("-o", "--output", required=True)
    mode.add_argument("--format", choices=["v1", "v2", "hybrid"], default="hybrid")
    mode.add_argument("--piece-size", type=int, default=0)
    mode.add_argument("--tracker", action="append", default=[])
    mode.add_argument("--private", action="store_true")

    mode = modes.add_parser("inspect")
    mode.set_defaults(run=inspect)
    mode.add_argument("source")

    mode = modes.add_parser("run")
    mode.set_defaults(run=run)
    mode.add_argument("source")
    mode.add_argument("--listen", required=True)
    mode.add_argument("--save", required=True)
    mode.add_argument("--peer", action="append", default=[])
    mode.add_argument("--corrupt", action="store_true")
    mode.add_argument("--utp", action="store_true")
    mode.add_argument("--pex", action="store_true")
    mode.add_argument("--lsd", action="store_true")
    mode.add_argument("--dht", action="append", default=[])
    mode.add_argument("--up", type=int, default=0)
    mode.add_argument("--down", type=int, default=0)
    mode.add_argument("--set", action="append", type=setting, default=[])
    mode.add_argument("--hold", action="store_true")

    args = parser.parse_args()
    args.run(args)


main()
