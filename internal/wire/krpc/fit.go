package krpc

import "net/netip"

// usualResponse bounds the responses that carry no item: BEP 32, "must not send UDP datagrams with a payload larger than 1024
// octets".
const usualResponse = 1024

// What a list takes besides its elements, and each of these, in bytes as encoded: an empty list of nodes or samples is there in
// any case, "values" only if there are any.
const (
	listHead   = len("1024:") - len("0:")
	valuesHead = len("6:valuesle")
	value4     = len("6:") + PeerSize4
	value6     = len("18:") + PeerSize6
)

// Fit writes a response or an error in limit bytes at most, and takes out of the message what is too much, if anything is. First
// come an item and filters, which are no use in part; half of the rest is for nodes if there are peers or info-hashes too, and
// what these leave as well. ok is false if not even the bare response fits.
func (m *Message) Fit(limit int) (packet []byte, trimmed, ok bool) {
	whole := m.Response
	if whole.Item.Value == nil {
		limit = min(limit, usualResponse)
	}
	if packet = m.Append(nil); len(packet) <= limit {
		return packet, false, true
	}
	r := &m.Response
	*r = Response{ID: whole.ID, Lists: whole.Lists, Token: whole.Token, Seq: whole.Seq}
	if whole.Samples != nil {
		r.Samples = &Samples{Total: whole.Samples.Total, Interval: whole.Samples.Interval}
	}
	room := func() int { return limit - len(m.Append(nil)) }
	if room() < 0 {
		m.IP, m.Version = netip.AddrPort{}, ""
		packet = m.Append(nil)
		return packet, true, len(packet) <= limit
	}
	if whole.Item.Value != nil {
		if r.Item = whole.Item; room() < 0 {
			r.Item = Item{}
		}
	}
	if whole.Seeders != nil {
		if r.Seeders, r.Leechers = whole.Seeders, whole.Leechers; room() < 0 {
			r.Seeders, r.Leechers = nil, nil
		}
	}
	fill(r, &whole, room())
	return m.Append(nil), true, true
}

// fill puts as much of the lists of whole into r as there is room for.
func fill(r, whole *Response, room int) {
	var hashes []ID
	if whole.Samples != nil {
		hashes = whole.Samples.Hashes
	}
	value := value4
	if len(whole.Peers) > 0 && !whole.Peers[0].Addr().Is4() {
		value = value6
	}
	var nodes, nodes6, peers, samples int
	// take gives a list the elements that fit into a part of the room.
	take := func(count *int, all, head, each, part int) {
		if *count > 0 {
			head = 0
		}
		if more := min(all-*count, (min(part, room)-head)/each); more > 0 {
			*count += more
			room -= head + more*each
		}
	}
	takeNodes := func(part int) {
		take(&nodes, len(whole.Nodes), listHead, NodeSize4, part)
		take(&nodes6, len(whole.Nodes6), listHead, NodeSize6, part)
	}
	part := room
	if len(whole.Nodes) > 0 && len(whole.Nodes6) > 0 {
		part /= 2
	}
	if len(whole.Peers) > 0 || len(hashes) > 0 {
		part /= 2
	}
	takeNodes(part)
	take(&peers, len(whole.Peers), valuesHead, value, room)
	take(&samples, len(hashes), listHead, IDSize, room)
	takeNodes(room)
	r.Nodes, r.Nodes6, r.Peers = whole.Nodes[:nodes], whole.Nodes6[:nodes6], whole.Peers[:peers]
	if r.Samples != nil {
		r.Samples.Hashes = hashes[:samples]
	}
}
