package portmap

import "time"

// epoch is the router's clock, which begins anew when it has lost its mappings.
type epoch struct {
	known  bool
	server int64 // seconds, as the router said last
	at     time.Time
}

// natpmp takes what NAT-PMP says, and reports whether the router has lost its mappings. RFC 6886: "the client computes its own
// conservative estimate of the expected SSSoE value by taking the SSSoE value in the last packet it received from the gateway
// and adding 7/8 (87.5%) of the time elapsed"; lost is what is "less than the client's conservative estimate by more than 2
// seconds".
func (e *epoch) natpmp(now time.Time, seconds uint32) (lost bool) {
	before := e.take(now, seconds)
	return before.known && e.server+2 < before.server+before.elapsed(now)*7/8
}

// pcp takes what PCP says, and reports whether the router has lost its mappings. RFC 6887: "If client_delta+2 < server_delta -
// server_delta/16 or server_delta+2 < client_delta - client_delta/16, then the client treats the Epoch Time value as invalid".
func (e *epoch) pcp(now time.Time, seconds uint32) (lost bool) {
	before := e.take(now, seconds)
	if !before.known {
		return false
	}
	client, server := before.elapsed(now), e.server-before.server
	// Answers may overtake each other, so it may go back by one second.
	return server < -1 || client+2 < server-server/16 || server+2 < client-client/16
}

func (e *epoch) take(now time.Time, seconds uint32) (before epoch) {
	before = *e
	*e = epoch{known: true, server: int64(seconds), at: now}
	return before
}

// elapsed is in whole seconds, and never negative.
func (e *epoch) elapsed(now time.Time) int64 { return max(0, int64(now.Sub(e.at)/time.Second)) }
