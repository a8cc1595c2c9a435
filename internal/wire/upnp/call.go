package upnp

import (
	"bytes"
	"encoding/xml"
	"net/netip"
	"strconv"
)

// Actions of WANIPConnection and WANPPPConnection.
const (
	GetExternalIPAddress = "GetExternalIPAddress"
	AddPortMapping       = "AddPortMapping"
	DeletePortMapping    = "DeletePortMapping"
)

// Protocol is TCP or UDP as the services call it.
type Protocol string

// Protocols that can be mapped.
const (
	TCP Protocol = "TCP"
	UDP Protocol = "UDP"
)

// Mapping is a mapping of a port.
type Mapping struct {
	Protocol    Protocol
	External    uint16
	Internal    netip.AddrPort // to where it leads
	Description string         // what the router shows to its owner
	Lease       uint32         // in seconds; 0 is without end
}

// Header is the value of the header SOAPAction for an action of a service.
func Header(service, action string) string { return `"` + service + "#" + action + `"` }

// AppendAdd writes the body of AddPortMapping for a service.
func (m Mapping) AppendAdd(b []byte, service string) []byte {
	return appendCall(b, service, AddPortMapping,
		argument{"NewRemoteHost", ""}, // anybody
		argument{"NewExternalPort", strconv.Itoa(int(m.External))},
		argument{"NewProtocol", string(m.Protocol)},
		argument{"NewInternalPort", strconv.Itoa(int(m.Internal.Port()))},
		argument{"NewInternalClient", m.Internal.Addr().String()},
		argument{"NewEnabled", "1"},
		argument{"NewPortMappingDescription", m.Description},
		argument{"NewLeaseDuration", strconv.FormatUint(uint64(m.Lease), 10)})
}

// AppendDelete writes the body of DeletePortMapping for a service.
func (m Mapping) AppendDelete(b []byte, service string) []byte {
	return appendCall(b, service, DeletePortMapping,
		argument{"NewRemoteHost", ""},
		argument{"NewExternalPort", strconv.Itoa(int(m.External))},
		argument{"NewProtocol", string(m.Protocol)})
}

// AppendGetExternal writes the body of GetExternalIPAddress for a service.
func AppendGetExternal(b []byte, service string) []byte {
	return appendCall(b, service, GetExternalIPAddress)
}

type argument struct{ name, value string }

// appendCall writes the arguments in the order that the service has them: some routers take no other.
func appendCall(b []byte, service, action string, args ...argument) []byte {
	w := bytes.NewBuffer(b)
	w.WriteString(`<?xml version="1.0"?>` + "\r\n" +
		`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">` +
		`<s:Body><u:` + action + ` xmlns:u="`)
	_ = xml.EscapeText(w, []byte(service)) // a buffer takes everything
	w.WriteString(`">`)
	for _, a := range args {
		w.WriteString("<" + a.name + ">")
		_ = xml.EscapeText(w, []byte(a.value))
		w.WriteString("</" + a.name + ">")
	}
	w.WriteString("</u:" + action + "></s:Body></s:Envelope>\r\n")
	return w.Bytes()
}

// Fault is an error that a service answers with.
type Fault int

// Faults of WANIPConnection that say more than that it does not.
const (
	NotAuthorized               Fault = 606
	ConflictInMappingEntry      Fault = 718
	NoPortMapsAvailable         Fault = 728
	ConflictWithOtherMechanisms Fault = 729
	unknownFault                Fault = -1
)

// Error says it in words that a user understands.
func (f Fault) Error() string {
	switch f {
	case NotAuthorized:
		return "the router does not allow mappings"
	case ConflictInMappingEntry, ConflictWithOtherMechanisms:
		return "another machine has that port"
	case NoPortMapsAvailable:
		return "the router has no room for another mapping"
	case unknownFault:
		return "the router refuses and does not say why"
	}
	return "the router answers with the error " + strconv.Itoa(int(f))
}

// ParseAnswer reads the answer to the call of an action. External is the address that GetExternalIPAddress answers with; the
// zero address if the router has none. An error is a [Fault], or a *[FormatError].
func ParseAnswer(b []byte, action string) (external netip.Addr, err error) {
	fault := Fault(0)
	answered := false
	err = walk(b, func(path []string) {
		n := len(path)
		switch {
		case n >= 2 && path[n-2] == "Body" && path[n-1] == action+"Response":
			answered = true
		case n >= 2 && path[n-2] == "Body" && path[n-1] == "Fault" && fault == 0:
			fault = unknownFault
		}
	}, func(l leaf) {
		switch {
		case l.within("UPnPError", "errorCode"):
			if code, err := strconv.ParseUint(l.text, 10, 16); err == nil && code > 0 {
				fault = Fault(code)
			}
		case l.within(action+"Response", "NewExternalIPAddress"):
			if a, err := netip.ParseAddr(l.text); err == nil && a.Is4() && !a.IsUnspecified() {
				external = a
			}
		}
	})
	switch {
	case err != nil:
		return netip.Addr{}, err
	case fault != 0:
		return netip.Addr{}, fault
	case !answered:
		return netip.Addr{}, &FormatError{"it answers another question"}
	}
	return external, nil
}
