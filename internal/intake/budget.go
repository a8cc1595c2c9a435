package intake

import "sync"

// Budget bounds the memory of all pieces under way, of all objects together.
type Budget struct {
	mu   sync.Mutex
	left int64
}

// NewBudget makes a budget of the given number of bytes.
func NewBudget(bytes int64) *Budget { return &Budget{left: bytes} }

func (b *Budget) take(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if int64(n) > b.left {
		return false
	}
	b.left -= int64(n)
	return true
}

func (b *Budget) give(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += int64(n)
}
