package mse

import "slices"

// Policy says who may speak to us how.
type Policy uint8

const (
	// Prefer hides the handshake wherever the other side can, and takes plain connections too.
	Prefer Policy = iota
	// Require takes no connection that is not enciphered from its first byte to its last.
	Require
	// Off takes and makes plain connections only.
	Off
	// Authenticated takes no connection by this handshake either: it hides, and proves nothing. Only TLS is left, in which both
	// ends prove who they are.
	Authenticated
)

// policies are their names in the configuration.
var policies = []string{Prefer: "prefer", Require: "require", Off: "off", Authenticated: "authenticated"}

func (p Policy) String() string { return policies[min(int(p), len(policies)-1)] }

// ParsePolicy reads the name of a policy.
func ParsePolicy(s string) (Policy, bool) {
	i := slices.Index(policies, s)
	return Policy(max(i, 0)), i >= 0
}

// Methods are those that may be offered and selected under the policy; Off and Authenticated have none.
func (p Policy) Methods() Methods {
	switch p {
	case Prefer:
		return Plaintext | RC4
	case Require:
		return RC4
	}
	return 0
}

// Plain reports whether connections that are hidden by nothing are allowed.
func (p Policy) Plain() bool { return p == Prefer || p == Off }

// TLS reports whether connections by TLS are.
func (p Policy) TLS() bool { return p != Off }
