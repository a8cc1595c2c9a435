package addressbook

import "testing"

// BenchmarkNext is a pick, and its failure, among a full book.
func BenchmarkNext(b *testing.B) {
	book := newBook()
	for i := range 20 * maxHints {
		book.Add(FromPEX, elsewhere(i%5000).Addr(), elsewhere(i%5000))
	}
	now := epoch
	for b.Loop() {
		if addr, _, ok := book.Next(now); ok {
			book.Left(now, addr, Stopped)
		}
	}
}

// BenchmarkAddFull is one more address for a full book.
func BenchmarkAddFull(b *testing.B) {
	book := newBook()
	for i := 0; b.Loop(); i++ {
		book.Add(FromPEX, elsewhere(i%5000).Addr(), elsewhere(i*7%5000))
	}
}
