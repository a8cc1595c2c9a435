#!/usr/bin/python3
"""libtorrent at work that test/peers has no need of.

    libtorrent_work.py create FORMAT PATH FILE    make a .torrent of pieces of 1 MiB
    libtorrent_work.py check FILE DIR             see whether what lies in DIR is what the .torrent FILE says
    libtorrent_work.py keep DIR RESUME            make a .torrent of each file in DIR, and what a client keeps of it when it ends
    libtorrent_work.py up IP:PORT RESUME          be a client with all that was kept
    libtorrent_work.py seed IP:PORT DIR FILE...   be a client that has in DIR what the .torrent files say
    libtorrent_work.py idle IP:PORT [NODE]        be a client with nothing; with NODE in the DHT of that

A client says "ready" when it seeds everything and is in the DHT, and ends with stdin.
"""

import os
import select
import sys
import time

import libtorrent as lt

PIECE = 1 << 20
KNOWN = 8  # nodes that know a node which has joined
FLAGS = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}


def make(path, flags, piece):
    files = lt.file_storage()
    lt.add_files(files, path)
    torrent = lt.create_torrent(files, piece, flags)
    lt.set_piece_hashes(torrent, os.path.dirname(path))
    return lt.bencode(torrent.generate())


def create(kind, path, output):
    with open(output, "wb") as out:
        out.write(make(os.path.abspath(path), FLAGS[kind], PIECE))


def session(**more):
    return lt.session(
        {
            "enable_dht": False,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "alert_mask": lt.alert.category_t.error_notification | lt.alert.category_t.status_notification,
            **more,
        }
    )


def check(torrent, where):
    client = session(listen_interfaces="")
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(torrent)
    params.save_path = where
    handle = client.add_torrent(params)
    while True:
        client.wait_for_alert(1000)
        for alert in client.pop_alerts():
            if isinstance(alert, lt.torrent_checked_alert):
                seeding = handle.status().is_seeding
                print("" if seeding else "not what it should be", flush=True)
                # Taking leave is not part of the check.
                os._exit(0 if seeding else 1)


def keep(where, resume):
    for name in os.listdir(where):
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(lt.bdecode(make(os.path.join(where, name), lt.create_torrent.v1_only, 16384)))
        params.save_path = where
        params.have_pieces = [True] * params.ti.num_pieces()
        params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        with open(os.path.join(resume, name), "wb") as out:
            out.write(lt.write_resume_data_buf(params))


def stay(client, count):
    seeding = 0
    while seeding < count:
        client.wait_for_alert(1000)
        seeding += sum(isinstance(a, lt.torrent_finished_alert) for a in client.pop_alerts())
    print("ready", flush=True)
    while not select.select([0], [], [], 1)[0]:
        client.pop_alerts()


def up(listen, resume):
    client = session(listen_interfaces=listen, alert_queue_size=1000000)
    names = os.listdir(resume)
    for name in names:
        with open(os.path.join(resume, name), "rb") as kept:
            client.async_add_torrent(lt.read_resume_data(kept.read()))
    stay(client, len(names))


def seed(listen, where, *torrents):
    client = session(listen_interfaces=listen, connections_limit=5000)
    for torrent in torrents:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(torrent)
        params.save_path = where
        params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        client.add_torrent(params)
    stay(client, len(torrents))


def idle(listen, node=""):
    client = session(listen_interfaces=listen, enable_dht=bool(node), dht_bootstrap_nodes=node)
    known = 0
    while node and known < KNOWN:
        client.post_session_stats()
        time.sleep(0.1)
        for alert in client.pop_alerts():
            if isinstance(alert, lt.session_stats_alert):
                known = alert.values["dht.dht_nodes"]
    stay(client, 0)


MODES = {"create": create, "check": check, "keep": keep, "up": up, "seed": seed, "idle": idle}
MODES[sys.argv[1]](*sys.argv[2:])
