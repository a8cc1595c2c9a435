package dht

import (
	"math/rand/v2"
	"testing"

	"github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Only who was asked can answer, and once.
func TestKnocks(t *testing.T) {
	k := newKnocks(rand.New(rand.NewChaCha8([32]byte{1})))
	transaction := func(q []byte) []byte {
		m, err := krpc.Parse(q)
		if err != nil || m.Kind != krpc.KindQuery || m.Query.Method != krpc.Ping || m.Query.ID != (krpc.ID{7}) || !m.ReadOnly {
			t.Fatalf("%q: %+v, %v", q, m, err)
		}
		return m.Transaction
	}
	side := dht.SideStats{ID: krpc.ID{7}, Mode: dht.ReadOnly}
	first, second := transaction(k.query(side, "")), transaction(k.query(side, ""))
	answer := func(kind krpc.Kind, transaction []byte) []byte {
		m := krpc.Message{Kind: kind, Transaction: transaction, Query: krpc.Query{Method: krpc.Ping}}
		return m.Append(nil)
	}
	for _, c := range []struct {
		what   string
		packet []byte
		ok     bool
	}{
		{"a guess", answer(krpc.KindResponse, []byte("12345678")), false},
		{"an answer to the node's own", answer(krpc.KindResponse, first[:4]), false},
		{"a query", answer(krpc.KindQuery, first), false},
		{"no message", []byte("d1:t8:12345678"), false},
		{"the answer", answer(krpc.KindResponse, first), true},
		{"the answer again", answer(krpc.KindResponse, first), false},
	} {
		if got := k.answered(c.packet); got != c.ok {
			t.Error(c.what, got)
		}
	}
	k.forget()
	if k.answered(answer(krpc.KindResponse, second)) {
		t.Error("an answer that nobody waits for any more")
	}
}
