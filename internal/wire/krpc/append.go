package krpc

import "github.com/potluck-p2p/potluck/internal/wire/bencode"

// Append writes the message, all of it. A query with an item that passes [Item.Check] takes 1,400 bytes at most; a response with
// long lists may take more than a datagram carries, see [Message.Fit].
func (m *Message) Append(b []byte) []byte {
	w := bencode.BeginDict(b)
	switch m.Kind {
	case KindQuery:
		w.Key("a")
		w.B = m.Query.append(w.B)
	case KindError:
		w.Key("e")
		w.B = append(w.B, 'l')
		w.B = bencode.AppendInt(w.B, int64(m.Error.Code))
		w.B = bencode.AppendString(w.B, m.Error.Message)
		w.B = append(w.B, 'e')
	}
	if m.IP.IsValid() {
		w.Bytes("ip", AppendAddr(nil, m.IP))
	}
	switch m.Kind {
	case KindQuery:
		w.String("q", string(m.Query.Method))
		if m.ReadOnly {
			// BEP 43: "This will appear in the request as '2:roi1e'."
			w.Int("ro", 1)
		}
	case KindResponse:
		w.Key("r")
		w.B = m.Response.append(w.B)
	}
	w.Bytes("t", m.Transaction)
	if m.Version != "" {
		w.String("v", m.Version)
	}
	w.String("y", m.Kind.letter())
	return w.End()
}

func (k Kind) letter() string {
	switch k {
	case KindQuery:
		return "q"
	case KindResponse:
		return "r"
	}
	return "e"
}

func (q *Query) append(b []byte) []byte {
	w := bencode.BeginDict(b)
	mutable := q.Method == Put && q.Item.Mutable()
	if mutable && q.CAS != nil {
		w.Int("cas", *q.CAS)
	}
	w.Bytes("id", q.ID[:])
	if q.Method == AnnouncePeer {
		flagged(&w, "implied_port", q.ImpliedPort)
	}
	if q.Method == AnnouncePeer || q.Method == GetPeers {
		w.Bytes("info_hash", q.Target[:])
	}
	if mutable {
		w.Bytes("k", q.Item.Key)
	}
	if q.Method == GetPeers {
		flagged(&w, "noseed", q.NoSeed)
	}
	if q.Method == AnnouncePeer {
		w.Int("port", int64(q.Port))
	}
	if mutable && len(q.Item.Salt) > 0 {
		w.Bytes("salt", q.Item.Salt)
	}
	if q.Method == GetPeers {
		flagged(&w, "scrape", q.Scrape)
	}
	if q.Method == AnnouncePeer {
		flagged(&w, "seed", q.Seed)
	}
	if mutable {
		w.Int("seq", q.Item.Seq)
		w.Bytes("sig", q.Item.Sig)
	} else if q.Method == Get && q.NewerThan != nil {
		w.Int("seq", *q.NewerThan)
	}
	if q.Method == FindNode || q.Method == Get || q.Method == SampleInfohashes {
		w.Bytes("target", q.Target[:])
	}
	if q.Token != nil {
		w.Bytes("token", q.Token)
	}
	if q.Method == Put && q.Item.Value != nil {
		w.Raw("v", q.Item.Value)
	}
	if q.Want != 0 {
		w.Key("want")
		w.B = append(w.B, 'l')
		if q.Want&IPv4 != 0 {
			w.B = bencode.AppendString(w.B, "n4")
		}
		if q.Want&IPv6 != 0 {
			w.B = bencode.AppendString(w.B, "n6")
		}
		w.B = append(w.B, 'e')
	}
	return w.End()
}

func flagged(w *bencode.DictWriter, key string, set bool) {
	if set {
		w.Int(key, 1)
	}
}

func (r *Response) append(b []byte) []byte {
	w := bencode.BeginDict(b)
	if r.Leechers != nil {
		w.Bytes("BFpe", r.Leechers[:])
	}
	if r.Seeders != nil {
		w.Bytes("BFsd", r.Seeders[:])
	}
	w.Bytes("id", r.ID[:])
	if r.Samples != nil {
		w.Int("interval", int64(r.Samples.Interval))
	}
	if r.Item.Mutable() {
		w.Bytes("k", r.Item.Key)
	}
	if r.Nodes != nil || r.Lists&IPv4 != 0 {
		w.Bytes("nodes", appendNodes(r.Nodes))
	}
	if r.Nodes6 != nil || r.Lists&IPv6 != 0 {
		w.Bytes("nodes6", appendNodes(r.Nodes6))
	}
	if r.Samples != nil {
		w.Int("num", int64(r.Samples.Total))
		samples := make([]byte, 0, len(r.Samples.Hashes)*IDSize)
		for _, h := range r.Samples.Hashes {
			samples = append(samples, h[:]...)
		}
		w.Bytes("samples", samples)
	}
	if r.Seq != nil {
		w.Int("seq", *r.Seq)
	}
	if r.Item.Mutable() {
		w.Bytes("sig", r.Item.Sig)
	}
	if r.Token != nil {
		w.Bytes("token", r.Token)
	}
	if r.Item.Value != nil {
		w.Raw("v", r.Item.Value)
	}
	if len(r.Peers) > 0 {
		w.Key("values")
		w.B = append(w.B, 'l')
		for _, p := range r.Peers {
			w.B = bencode.AppendBytes(w.B, AppendAddr(nil, p))
		}
		w.B = append(w.B, 'e')
	}
	return w.End()
}

func appendNodes(nodes []Node) []byte {
	b := make([]byte, 0, len(nodes)*NodeSize6)
	for _, n := range nodes {
		b = AppendNode(b, n)
	}
	return b
}
