package routes

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"testing"
)

// attribute is one of rtnetlink(7).
func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(syscall.SizeofRtAttr+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	return append(b, make([]byte, aligned(len(b))-len(b))...)
}

func number(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

// message is one about a route; bits is how long its destination is.
func message(bits, kind byte, attributes ...[]byte) *syscall.NetlinkMessage {
	data := []byte{syscall.AF_INET, bits, 0, 0, syscall.RT_TABLE_MAIN, 0, 0, kind, 0, 0, 0, 0}
	for _, a := range attributes {
		data = append(data, a...)
	}
	return &syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: syscall.RTM_NEWROUTE, Len: uint32(syscall.SizeofNlMsghdr + len(data))}, Data: data}
}

func TestParseRoute(t *testing.T) {
	ifi := net.Interface{Index: 3, Name: "eth0"}
	via := func(a string) []byte { return attribute(syscall.RTA_GATEWAY, netip.MustParseAddr(a).AsSlice()) }
	oif := func(n uint32) []byte { return attribute(syscall.RTA_OIF, number(n)) }
	hop := func(ifi uint32, attrs []byte) []byte {
		b := binary.NativeEndian.AppendUint16(nil, uint16(sizeOfNexthop+len(attrs)))
		return append(append(append(b, 0, 0), number(ifi)...), attrs...)
	}
	short := message(0, syscall.RTN_UNICAST)
	short.Data = short.Data[:8]
	for name, tt := range map[string]struct {
		m    *syscall.NetlinkMessage
		want string // router, "" for none
	}{
		"default":        {message(0, syscall.RTN_UNICAST, via("192.168.1.1"), oif(3)), "192.168.1.1"},
		"link-local":     {message(0, syscall.RTN_UNICAST, oif(3), via("fe80::1")), "fe80::1%eth0"},
		"other device":   {message(0, syscall.RTN_UNICAST, via("192.168.1.1"), oif(4)), ""},
		"not everywhere": {message(24, syscall.RTN_UNICAST, via("192.168.1.1"), oif(3)), ""},
		"no router":      {message(0, syscall.RTN_UNICAST, oif(3)), ""},
		"unspecified":    {message(0, syscall.RTN_UNICAST, via("0.0.0.0"), oif(3)), ""},
		"unreachable":    {message(0, syscall.RTN_UNREACHABLE, via("192.168.1.1"), oif(3)), ""},
		"several ways": {message(0, syscall.RTN_UNICAST, attribute(syscall.RTA_MULTIPATH,
			append(hop(4, via("10.0.0.1")), hop(3, via("192.168.1.1"))...))), "192.168.1.1"},
		"several ways, none here": {message(0, syscall.RTN_UNICAST, attribute(syscall.RTA_MULTIPATH, hop(4, via("10.0.0.1")))), ""},
		"ways cut off":            {message(0, syscall.RTN_UNICAST, attribute(syscall.RTA_MULTIPATH, hop(3, via("10.0.0.1"))[:11])), ""},
		"short":                   {short, ""},
	} {
		r, ok := parseRoute(tt.m, ifi)
		if got := r.via.String(); ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
	r, _ := parseRoute(message(0, syscall.RTN_UNICAST, attribute(syscall.RTA_PRIORITY, number(600)), via("192.168.1.1"), oif(3)), ifi)
	if r.metric != 600 {
		t.Error(r.metric)
	}
}
