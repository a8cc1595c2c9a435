package config

import (
	"math"
	"strconv"
	"strings"
)

// Rate is bytes per second; 0 is no limit.
type Rate int64

// maxRate is far above any network, and still an exact float64.
const maxRate = Rate(1e15)

// units are decimal, as network speeds are: 1M is 1,000,000 bytes per second.
var units = []struct {
	letter byte
	size   Rate
}{{'G', 1e9}, {'M', 1e6}, {'K', 1e3}}

// ParseRate reads bytes per second, with K, M or G for thousands, millions and thousands of millions: 0, 800, 500K, 1.5M.
// An error is an [*Error].
func ParseRate(s string) (Rate, error) {
	r, reason, hint := parseRate(s)
	if reason != "" {
		return 0, &Error{Value: s, Reason: reason, Hint: hint}
	}
	return r, nil
}

func parseRate(s string) (r Rate, reason, hint string) {
	number, unit := s, Rate(1)
	if n := len(s) - 1; n >= 0 {
		for _, u := range units {
			if s[n] == u.letter || s[n] == u.letter+'a'-'A' {
				number, unit = s[:n], u.size
			}
		}
	}
	const bad, advice = "is not a rate", "write bytes per second as 800, 500K, 1.5M or 2G"
	// ParseFloat also reads signs, exponents, hexadecimal and infinity.
	if number == "" || strings.Trim(number, "0123456789.") != "" {
		return 0, bad, advice
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, bad, advice
	}
	if f = math.Round(f * float64(unit)); f > float64(maxRate) {
		return 0, "is too much for a rate", "0 is no limit"
	}
	if f == 0 && strings.Trim(number, "0.") != "" {
		return 0, "is less than a byte per second", "0 is no limit"
	}
	return Rate(f), "", ""
}

// String is the shortest text that ParseRate reads as the same rate.
func (r Rate) String() string {
	for _, u := range units {
		if r >= u.size && r%(u.size/1000) == 0 {
			return strconv.FormatFloat(float64(r)/float64(u.size), 'f', -1, 64) + string(u.letter)
		}
	}
	return strconv.FormatInt(int64(r), 10)
}
