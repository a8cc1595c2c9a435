package mse

import "testing"

// What it costs the side that is dialled to find out whether somebody means it.
func BenchmarkResponder(b *testing.B) {
	hello := NewInitiator(Seed{1}, skey, RC4, nil).Hello()
	for b.Loop() {
		if _, _, err := NewResponder(Seed{2}, RC4, known).Receive(hello); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStream(b *testing.B) {
	c, _ := ciphers(make([]byte, keySize), skey)
	s := stream(c, RC4, 0)
	p := make([]byte, 256<<10)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		s.XOR(p)
	}
}
