package utp

import "time"

// Control chooses how a connection shares the path with others.
type Control uint8

const (
	// Background yields to other traffic: LEDBAT, as BEP 29 wants it. For the Internet.
	Background Control = iota
	// Scalable takes its share like TCP does: CUBIC. For the local network and the own machine, where nobody is to be yielded to
	// and delays are too short to measure.
	Scalable
)

// Config holds for all connections of an [Endpoint]. The zero value is good.
type Config struct {
	// ReceiveBuffer is how many bytes a connection holds for a reader that is behind, 2 MiB by default. It bounds the rate by
	// one ReceiveBuffer per round trip.
	ReceiveBuffer int
	// SendBuffer is how many bytes a connection may hold that are not acknowledged, 8 MiB by default. It takes no more than
	// 256 KiB or twice the congestion window, whichever is larger.
	SendBuffer int
	// Memory is shared by all connections, and by those of every endpoint that has the same; nil is one of DefaultMemory for
	// the endpoint.
	Memory *Memory
	// NoDelay sends small writes at once. By default they wait, up to a full packet, for what is in flight (Nagle).
	NoDelay bool
	// KeepAlive is after how much silence a packet is sent that keeps address translators open: 29 s by default, < 0 for never.
	KeepAlive time.Duration
	// SynResends and Resends are how often a SYN, or any other packet, goes unanswered before the connection is given up:
	// 3 and 6 by default, which is after 15 s and about a minute.
	SynResends, Resends int

	// MaxConns bounds the connections of an endpoint, 4096 by default; beyond it a SYN is not answered.
	MaxConns int
	// MaxHalfOpen bounds the connections whose peer has not proven its address, 1024 by default; the oldest makes room.
	MaxHalfOpen int
	// MaxHalfOpenPerAddr is the same for one IPv4 address or IPv6 /64, 64 by default.
	MaxHalfOpenPerAddr int
}

func (c *Config) receiveBuffer() int       { return orDefault(c.ReceiveBuffer, 2<<20) }
func (c *Config) sendBuffer() int          { return orDefault(c.SendBuffer, 8<<20) }
func (c *Config) keepAlive() time.Duration { return orDefault(c.KeepAlive, 29*time.Second) }
func (c *Config) synResends() int          { return orDefault(c.SynResends, 3) }
func (c *Config) resends() int             { return orDefault(c.Resends, 6) }
func (c *Config) maxConns() int            { return orDefault(c.MaxConns, 4096) }
func (c *Config) maxHalfOpen() int         { return orDefault(c.MaxHalfOpen, 1024) }
func (c *Config) maxHalfOpenPerAddr() int  { return orDefault(c.MaxHalfOpenPerAddr, 64) }
func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// Path is what the shell knows of the way to a peer.
type Path struct {
	// MaxDatagram is the largest UDP payload that the interface takes, in bytes; path MTU discovery looks no higher. 0 is 1472
	// over IPv4 and 1452 over IPv6, which is Ethernet. Larger ones are for a peer that is known to read them whole.
	MaxDatagram int
	Control     Control
}
