#!/usr/bin/python3
"""Nodes of a DHT for tests: libtorrent sessions, one for each address, that do nothing else.

    libtorrent_dht.py [--router IP:PORT]... IP:PORT...

Every line on stdin is a JSON object with the command in "do", answered by one line on stdout:

    {"do": "join"}                              when every node has come in (or has nobody to come in by)
    {"do": "peers", "hash": H}                  {"peers": ["IP:PORT"...]} that are announced under an info-hash
    {"do": "put", "value": V}                   an immutable item: {"target": H}
    {"do": "get", "target": H}                  {"value": V}
    {"do": "put", "seed": H, "key": H, "salt": H, "value": V}    a mutable item: {"stored": how many nodes took it}
    {"do": "get", "key": H, "salt": H}          {"value": V, "seq": N}

H is hex, V a text; keys are those of Ed25519. The last node does what is asked. A value that is not there is null. It ends
when stdin does.
"""

import argparse
import hashlib
import json
import sys
import time

import libtorrent as lt

PATIENCE = 20  # seconds


def settings(address, routers):
    return {
        "listen_interfaces": address,
        "enable_dht": True,
        "dht_bootstrap_nodes": ",".join(r for r in routers if r != address),
        # What others may ask within a second is meant for a DHT of millions, not for one where everybody asks everybody.
        "dht_upload_rate_limit": 1_000_000,
        "dht_block_ratelimit": 1000,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "alert_queue_size": 100_000,
        "alert_mask": lt.alert.category_t.dht_notification | lt.alert.category_t.error_notification,
    }


def await_alert(session, wanted):
    """Returns what wanted makes of the first alert for which that is not None, or None."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        session.wait_for_alert(200)
        for alert in session.pop_alerts():
            found = wanted(alert)
            if found is not None:
                return found
    return None


def start(address, routers):
    """Starts a node and waits until it has come in."""

    def bootstrapped(alert):
        return isinstance(alert, lt.dht_bootstrap_alert) or None

    session = lt.session(settings(address, routers))
    if any(r != address for r in routers):
        await_alert(session, bootstrapped)
    return session


def peers(session, hash):
    target = lt.sha1_hash(bytes.fromhex(hash))

    def replied(alert):
        if isinstance(alert, lt.dht_get_peers_reply_alert) and alert.info_hash == target:
            return alert.peers() or None
        return None

    session.dht_get_peers(target)
    return {"peers": ["%s:%d" % p for p in await_alert(session, replied) or []]}


def private_key(seed):
    """The private key as libtorrent takes it: RFC 8032 makes it of the seed."""
    h = bytearray(hashlib.sha512(seed).digest())
    h[0] &= 248
    h[31] = h[31] & 63 | 64
    return bytes(h)


def put(session, value, seed="", key="", salt=""):
    def stored(alert):
        return alert.num_success if isinstance(alert, lt.dht_put_alert) else None

    target = ""
    if key:
        session.dht_put_mutable_item(private_key(bytes.fromhex(seed)), bytes.fromhex(key), value.encode(), bytes.fromhex(salt))
    else:
        target = str(session.dht_put_immutable_item(value))
    return {"stored": await_alert(session, stored), "target": target}


def text(alert):
    try:
        return alert.item["value"].decode() if isinstance(alert.item, dict) else repr(alert.item)
    except RuntimeError:  # there is none
        return None


def get(session, target="", key="", salt=""):
    def mutable(alert):
        if isinstance(alert, lt.dht_mutable_item_alert) and alert.authoritative:
            return {"value": text(alert), "seq": alert.seq}
        return None

    def immutable(alert):
        if isinstance(alert, lt.dht_immutable_item_alert):
            return {"value": text(alert)}
        return None

    if key:
        session.dht_get_mutable_item(bytes.fromhex(key), bytes.fromhex(salt))
        return await_alert(session, mutable) or {}
    session.dht_get_immutable_item(lt.sha1_hash(bytes.fromhex(target)))
    return await_alert(session, immutable) or {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("addresses", nargs="+")
    parser.add_argument("--router", action="append", default=[])
    args = parser.parse_args()
    routers = args.router or args.addresses[:1]
    sessions = [start(a, routers) for a in args.addresses]
    commands = {
        "join": lambda: {"joined": len(sessions)},
        "peers": lambda **c: peers(sessions[-1], **c),
        "put": lambda **c: put(sessions[-1], **c),
        "get": lambda **c: get(sessions[-1], **c),
    }
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(commands[command.pop("do")](**command)), flush=True)


main()
