package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// size is a number of bytes for people.
func size(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f := float64(n)
	for _, unit := range []string{"kB", "MB", "GB", "TB"} {
		if f /= 1000; f < 999.5 {
			return threeDigits(f) + " " + unit
		}
	}
	return threeDigits(f/1000) + " PB"
}

func threeDigits(f float64) string {
	if f < 9.95 {
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}

// rate is bytes per second for people.
func rate(f float64) string { return size(int64(f)) + "/s" }

// clock is a time span for people: 0:42, 1:02:03, 4 d.
func clock(seconds float64) string {
	d := time.Duration(math.Min(seconds, 1e9)) * time.Second
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h >= 48:
		return fmt.Sprintf("%d d", h/24)
	case h > 0:
		return fmt.Sprintf("%d:%02d:%02d", h, m, s)
	}
	return fmt.Sprintf("%d:%02d", m, s)
}

// percent never says 100 of what is not whole.
func percent(done, total int64) string {
	if total <= 0 {
		return "0%"
	}
	return strconv.Itoa(int(math.Floor(float64(done)/float64(total)*100))) + "%"
}

// counted is a number of things: 1 peer, 2 peers.
func counted(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// pieceSize is a size as the user types it, with K and M for powers of 1024, as piece sizes are.
type pieceSize int64

func (p *pieceSize) UnmarshalText(b []byte) error {
	text := strings.ToUpper(strings.TrimSuffix(strings.ToUpper(string(b)), "IB"))
	unit := int64(1)
	switch {
	case strings.HasSuffix(text, "K"):
		text, unit = text[:len(text)-1], 1<<10
	case strings.HasSuffix(text, "M"):
		text, unit = text[:len(text)-1], 1<<20
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || n > 1<<30 {
		return fmt.Errorf("%q is no piece size: write bytes as 65536, 256K or 4M", b)
	}
	*p = pieceSize(n * unit)
	return nil
}
