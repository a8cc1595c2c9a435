// Package peer is the codec of what two BitTorrent peers say to each other: the handshake and the messages of BEP 3, 5
// (port), 6 (fast), 9 (metadata), 10 (extensions), 11 (peer exchange), 52 (v2 hashes), 54 (lt_donthave) and 55 (hole
// punching). It parses from and appends to byte slices; it opens no socket, keeps no state between messages and allocates
// nothing per message.
//
// All integers are big-endian. A connection opens with one handshake from each side:
//
//	0        1                      20             28             48             68
//	+--------+----------------------+--------------+--------------+--------------+
//	| 19     | "BitTorrent protocol"| reserved (8) | infohash (20)| peer id (20) |
//	+--------+----------------------+--------------+--------------+--------------+
//
// A v2 infohash is cut to its first 20 bytes. After that both sides send frames:
//
//	0            4      5
//	+------------+------+-----------------+      length counts the type byte and the body;
//	| length (4) | type | body (length-1) |      a length of 0 is a keep-alive and has no type
//	+------------+------+-----------------+
//
//	type                      body
//	 0 choke                  -
//	 1 unchoke                -
//	 2 interested             -
//	 3 not interested         -
//	 4 have                   index (4)
//	 5 bitfield               bits, highest bit of the first byte is piece 0
//	 6 request                index (4) | begin (4) | length (4)
//	 7 piece                  index (4) | begin (4) | block
//	 8 cancel                 index (4) | begin (4) | length (4)
//	 9 port                   UDP port of the sender's DHT node (2)     BEP 5
//	13 suggest piece          index (4)                                 BEP 6
//	14 have all               -                                         BEP 6
//	15 have none              -                                         BEP 6
//	16 reject request         index (4) | begin (4) | length (4)        BEP 6
//	17 allowed fast           index (4)                                 BEP 6
//	20 extended               extended id (1) | body                    BEP 10
//	21 hash request           hash range (48)                           BEP 52
//	22 hashes                 hash range (48) | hashes (32 each)        BEP 52
//	23 hash reject            hash range (48)                           BEP 52
//
//	hash range: pieces root (32) | base layer (4) | index (4) | length (4) | proof layers (4)
//
// Extended id 0 is the extension handshake, a bencoded dictionary; every other id means what the receiver of the message
// said it means in the "m" dictionary of its own extension handshake.
//
// # Runs
//
// An extension of potluck's own saves frames between two that both have an integer "potluck_run" in the extension handshake: the
// longest run of blocks, in bytes, that its sender takes in one message. Requests of neighbouring blocks of one piece may then
// travel as one, up to what the receiver has told, and so may the answers to them:
//
//	| 6 | index | begin |  16384 |    | 7 | index | begin |  block 0 |
//	| 6 | index | +16384|  16384 | =  | 7 | index | +16384|  block 1 | =
//	  | 6 | index | begin | 32768 |     | 7 | index | begin | block 0 | block 1 |
//
// A message about a run stands for those about its blocks, 16 KiB from its begin on, and for nothing more: requests are
// counted, answered, rejected and cancelled by blocks, and a run may be answered in any number of messages.
package peer
