package krpc

import (
	"crypto/ed25519"
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

// Parse reads a message. Unknown keys, unknown methods and optional values that are not what they should be are ignored, as
// real nodes send them. An error is a *FormatError; the message then has what was read before it, so that a query can be
// answered with an error if its Kind and Transaction are there.
func Parse(b []byte) (m Message, err error) {
	if len(b) > MaxPacket {
		return m, &FormatError{"too long"}
	}
	v, err := bencode.Parse(b)
	if err != nil {
		return m, &FormatError{err.Error()}
	}
	if v.Kind() != bencode.Dict {
		return m, &FormatError{"not a dictionary"}
	}
	var ok bool
	if m.Transaction, ok = v.Get("t").Bytes(); !ok || len(m.Transaction) > MaxTransaction {
		m.Transaction = nil
		return m, &FormatError{"no usable transaction id"}
	}
	m.Version = text(v.Get("v"))
	if ip, ok := v.Get("ip").Bytes(); ok {
		m.IP = parseIP(ip)
	}
	switch y := text(v.Get("y")); y {
	case "q":
		m.Kind = KindQuery
		m.ReadOnly = flag(v.Get("ro"))
		return m, m.Query.parse(v)
	case "r":
		m.Kind = KindResponse
		return m, m.Response.parse(v.Get("r"))
	case "e":
		m.Kind = KindError
		m.Error.parse(v.Get("e"))
		return m, nil
	}
	return m, &FormatError{"neither query nor response nor error"}
}

func (q *Query) parse(v bencode.Value) error {
	q.Method = Method(text(v.Get("q")))
	a := v.Get("a")
	var ok bool
	if q.ID, ok = id(a.Get("id")); !ok {
		return &FormatError{"a query without id"}
	}
	if q.Target, q.HasTarget = id(a.Get("target")); !q.HasTarget {
		q.Target, q.HasTarget = id(a.Get("info_hash"))
	}
	// BEP 32: "other strings may be present in the list, and must be silently ignored".
	for w := range a.Get("want").Items() {
		switch text(w) {
		case "n4":
			q.Want |= IPv4
		case "n6":
			q.Want |= IPv6
		}
	}
	if token, ok := a.Get("token").Bytes(); ok && len(token) <= MaxToken {
		q.Token = token
	}
	switch q.Method {
	case GetPeers:
		q.NoSeed, q.Scrape = flag(a.Get("noseed")), flag(a.Get("scrape"))
	case AnnouncePeer:
		if port, ok := a.Get("port").Int(); ok && port > 0 && port <= 0xffff {
			q.Port = uint16(port)
		}
		q.ImpliedPort, q.Seed = flag(a.Get("implied_port")), flag(a.Get("seed"))
	case Get:
		q.NewerThan = number(a.Get("seq"))
	case Put:
		q.Item.parse(a)
		q.Item.Salt, _ = a.Get("salt").Bytes()
		q.CAS = number(a.Get("cas"))
	}
	return nil
}

// parse reads what describes an item, of a query or a response. The value is taken "verbatim ... as it appeared in the
// message". Only what has a key is mutable.
func (it *Item) parse(d bencode.Value) {
	if v := d.Get("v"); v.Kind() != bencode.None {
		it.Value = v.Raw()
	}
	if k, ok := d.Get("k").Bytes(); ok {
		it.Key = k[:min(len(k), ed25519.PublicKeySize+1)] // one too many is wrong, however many
		it.Sig, _ = d.Get("sig").Bytes()
		it.Seq, _ = d.Get("seq").Int()
	}
}

func (r *Response) parse(d bencode.Value) error {
	var ok bool
	if r.ID, ok = id(d.Get("id")); !ok {
		return &FormatError{"a response without id"}
	}
	if nodes, ok := d.Get("nodes").Bytes(); ok {
		r.Nodes = ParseNodes(nodes, NodeSize4, MaxNodes)
		r.Lists |= IPv4
	}
	if nodes, ok := d.Get("nodes6").Bytes(); ok {
		r.Nodes6 = ParseNodes(nodes, NodeSize6, MaxNodes)
		r.Lists |= IPv6
	}
	if token, ok := d.Get("token").Bytes(); ok && len(token) <= MaxToken {
		r.Token = token
	}
	// BEP 32: "must be able to properly parse hybrid "values" lists".
	for v := range d.Get("values").Items() {
		if len(r.Peers) == MaxPeers {
			break
		}
		b, _ := v.Bytes()
		if addr, ok := ParseAddr(b); ok && addr.Port() != 0 {
			r.Peers = append(r.Peers, addr)
		}
	}
	r.Seeders, r.Leechers = bloom(d.Get("BFsd")), bloom(d.Get("BFpe"))
	r.Item.parse(d)
	r.Seq = number(d.Get("seq"))
	if samples, ok := d.Get("samples").Bytes(); ok {
		r.Samples = &Samples{Total: count(d.Get("num")), Interval: count(d.Get("interval"))}
		for ; len(samples) >= IDSize && len(r.Samples.Hashes) < MaxSamples; samples = samples[IDSize:] {
			r.Samples.Hashes = append(r.Samples.Hashes, ID(samples[:IDSize]))
		}
	}
	return nil
}

// parse reads an error: a list of code and message, of which some nodes leave out one or send something else.
func (e *Error) parse(v bencode.Value) {
	e.Code = CodeGeneric
	for item := range v.Items() {
		if n, ok := item.Int(); ok && n > 0 && n < 10_000 {
			e.Code = int(n)
		} else if item.Kind() == bencode.String {
			e.Message = text(item)
		}
	}
}

func id(v bencode.Value) (ID, bool) {
	if b, _ := v.Bytes(); len(b) == IDSize {
		return ID(b), true
	}
	return ID{}, false
}

func text(v bencode.Value) string {
	b, _ := v.Bytes()
	return string(b[:min(len(b), MaxText)])
}

func flag(v bencode.Value) bool {
	n, _ := v.Int()
	return n == 1
}

func number(v bencode.Value) *int64 {
	if n, ok := v.Int(); ok {
		return &n
	}
	return nil
}

// count is a number that is not negative and fits 32 bits.
func count(v bencode.Value) int {
	n, _ := v.Int()
	return int(min(max(n, 0), 1<<31-1))
}

func bloom(v bencode.Value) *Bloom {
	if b, _ := v.Bytes(); len(b) == BloomSize {
		f := Bloom(b)
		return &f
	}
	return nil
}

// parseIP reads the address of BEP 42: "a compact binary representation of the requestor's IP and port". Some nodes leave out
// the port.
func parseIP(b []byte) netip.AddrPort {
	if addr, ok := ParseAddr(b); ok {
		return addr
	}
	ip, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(ip.Unmap(), 0)
}
