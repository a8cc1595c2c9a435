// Package upnp is the codec of what it takes to ask an internet gateway for mappings of ports by UPnP: the search (SSDP, UPnP
// Device Architecture 1.1), the description of a device, and the calls of its services (SOAP, WANIPConnection 1 and 2).
//
// A search goes out over UDP, to the group or to one address, and is answered from there:
//
//	M-SEARCH * HTTP/1.1                          HTTP/1.1 200 OK
//	HOST: 239.255.255.250:1900                   ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1
//	MAN: "ssdp:discover"                         LOCATION: http://192.168.1.1:5000/rootDesc.xml
//	MX: 1                                        ...
//	ST: urn:...:InternetGatewayDevice:1
//
// The description at LOCATION is a tree of devices with services, of which we want those that map ports:
//
//	root > device > deviceList > device > ... > serviceList > service > { serviceType, controlURL }
//	root > URLBase (version 1.0): what URLs are relative to, instead of LOCATION
//
// A call is a POST to the controlURL, with the header SOAPAction: "serviceType#Action", and so is its answer:
//
//	Envelope > Body > Action         > { argument }
//	Envelope > Body > ActionResponse > { argument }
//	Envelope > Body > Fault > detail > UPnPError > { errorCode, errorDescription }
//
// All of it comes from whoever calls himself the router: depth, names, texts and numbers of things are bounded, and the caller
// bounds the bytes.
package upnp

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// Bounds of XML. Descriptions of real routers have a depth of 10 and some dozens of services at most.
const (
	maxDepth    = 32
	maxElements = 4096
	maxText     = 1024
)

// MaxBody is how many bytes of XML are worth reading.
const MaxBody = 256 << 10

// FormatError says that something is not what UPnP makes of it.
type FormatError struct{ Reason string }

func (e *FormatError) Error() string { return "not UPnP: " + e.Reason }

// leaf is an element without elements in it.
type leaf struct {
	path []string // names of the elements around it and its own, from the root on, without name spaces
	text string
}

// within reports whether the leaf lies in a parent of that name and has that name itself.
func (l leaf) within(parent, name string) bool {
	n := len(l.path)
	return n >= 2 && l.path[n-2] == parent && l.path[n-1] == name
}

// walk reads XML and tells of each element that has begun, and of each leaf. Neither may keep the path. Name spaces do not
// count: many routers have them wrong.
func walk(b []byte, begun func(path []string), found func(leaf)) error {
	if len(b) > MaxBody {
		return &FormatError{"the XML is too long"}
	}
	d := xml.NewDecoder(strings.NewReader(string(b)))
	d.Strict = false // routers write bare ampersands, and worse
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var path []string
	var text strings.Builder
	isLeaf := false
	for elements := 0; ; {
		tok, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return &FormatError{"broken XML"}
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if elements++; len(path) == maxDepth || elements > maxElements {
				return &FormatError{"the XML has too many parts"}
			}
			path = append(path, tok.Name.Local)
			text.Reset()
			isLeaf = true
			begun(path)
		case xml.EndElement:
			if len(path) == 0 || path[len(path)-1] != tok.Name.Local {
				return &FormatError{"the parts of the XML do not fit"}
			}
			if isLeaf {
				found(leaf{path, strings.TrimSpace(text.String())})
			}
			path, isLeaf = path[:len(path)-1], false
		case xml.CharData:
			if isLeaf && text.Len()+len(tok) <= maxText {
				text.Write(tok)
			}
		}
	}
	if len(path) > 0 {
		return &FormatError{"the XML has no end"}
	}
	return nil
}
