#!/usr/bin/python3
"""Nodes of a DHT for tests: libtorrent sessions, one for each address, that do nothing else.

    libtorrent_dht.py [--node IP:PORT]... IP:PORT...

They know each other and the nodes given. When they have met, a line says how many each knows: {"nodes": [N...]}. Then every
line on stdin is a JSON object with the command in "do", answered by one line on stdout:

    {"do": "peers", "hash": H}                  {"peers": ["IP:PORT"...]} that are announced under an info-hash
    {"do": "put", "value": V}                   an immutable item: {"stored": how many nodes took it, "target": H}
    {"do": "get", "target": H}                  {"value": V}
    {"do": "put", "seed": H, "key": H, "salt": H, "value": V}    a mutable item
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

PATIENCE = 15  # seconds
SHORT = 2  # for what nothing says when it is over
ENOUGH = 8  # nodes: what a bucket holds


def settings(address):
    return {
        "listen_interfaces": address,
        "enable_dht": True,
        "dht_bootstrap_nodes": "",
        # What others may ask within a second is meant for a DHT of millions, not for one where everybody asks everybody.
        "dht_upload_rate_limit": 1_000_000,
        "dht_block_ratelimit": 1000,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "alert_queue_size": 100_000,
        "alert_mask": lt.alert.category_t.dht_notification
        | lt.alert.category_t.dht_operation_notification
        | lt.alert.category_t.error_notification,
    }


def await_alert(session, wanted, patience=PATIENCE):
    """Returns what wanted makes of the first alert for which that is not None, or None."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        time.sleep(0.05)  # wait_for_alert returns what the next alert may move to another place
        for alert in session.pop_alerts():
            found = wanted(alert)
            if found is not None:
                return found
    return None


def split(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def known(session):
    def counted(alert):
        return alert.values["dht.dht_nodes"] if isinstance(alert, lt.session_stats_alert) else None

    session.post_session_stats()
    return await_alert(session, counted) or 0


def meet(sessions, addresses):
    """Introduces everybody to everybody, again and again: who is pinged before it listens does not answer."""
    end = time.monotonic() + PATIENCE
    while True:
        for session in sessions:
            for address in addresses:
                session.add_dht_node(split(address))
        time.sleep(0.5)
        nodes = [known(s) for s in sessions]
        if min(nodes) >= min(ENOUGH, len(addresses) - 1) or time.monotonic() > end:
            return nodes


def peers(session, hash):
    target = lt.sha1_hash(bytes.fromhex(hash))

    def replied(alert):
        if isinstance(alert, lt.dht_get_peers_reply_alert) and alert.info_hash == target:
            return alert.peers() or None
        return None

    session.dht_get_peers(target)
    return {"peers": ["%s:%d" % p for p in await_alert(session, replied, SHORT) or []]}


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
        value = alert.item["value"]  # bytes or text, as it comes
        return value.decode() if isinstance(value, bytes) else value
    except RuntimeError:  # there is none
        return None


def get(session, target="", key="", salt=""):
    def mutable(alert):
        if isinstance(alert, lt.dht_mutable_item_alert) and alert.authoritative:
            return {"value": text(alert), "seq": alert.seq}
        return None

    def immutable(alert):
        return {"value": text(alert)} if isinstance(alert, lt.dht_immutable_item_alert) else None

    if key:
        session.dht_get_mutable_item(bytes.fromhex(key), bytes.fromhex(salt))
        return await_alert(session, mutable) or {}
    session.dht_get_immutable_item(lt.sha1_hash(bytes.fromhex(target)))
    return await_alert(session, immutable) or {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("addresses", nargs="+")
    parser.add_argument("--node", action="append", default=[])
    args = parser.parse_args()
    sessions = [lt.session(settings(a)) for a in args.addresses]
    print(json.dumps({"nodes": meet(sessions, args.addresses + args.node)}), flush=True)
    commands = {"peers": peers, "put": put, "get": get}
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(commands[command.pop("do")](sessions[-1], **command)), flush=True)


main()
