package dht

// Crowd has a runner take so many good nodes for a DHT in which there are strangers.
func (r *Runner) Crowd(good int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		for _, rule := range m.rules {
			rule.crowd = crowd{good: good}
		}
	}
}
