package upnp_test

import (
	"encoding/xml"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/upnp"
)

const (
	ip1 = "urn:schemas-upnp-org:service:WANIPConnection:1"
	ip2 = "urn:schemas-upnp-org:service:WANIPConnection:2"
	ppp = "urn:schemas-upnp-org:service:WANPPPConnection:1"
)

func service(kind, url string) string {
	return "<service><serviceType>" + kind + "</serviceType><serviceId>x</serviceId><controlURL>" + url + "</controlURL></service>"
}

// root is a description as routers have it: the services lie in devices of devices.
func root(base string, services ...string) string {
	return `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major></specVersion>` + base +
		`<device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><serviceList>` +
		service("urn:schemas-upnp-org:service:Layer3Forwarding:1", "/l3f") + `</serviceList><deviceList><device><deviceList><device><serviceList>` +
		strings.Join(services, "\n") + `</serviceList></device></deviceList></device></deviceList></device></root>`
}

func TestSearch(t *testing.T) {
	want := "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: " + upnp.Gateways[0] + "\r\n\r\n"
	if got := string(upnp.AppendSearch(nil, upnp.Group, upnp.Gateways[0])); got != want {
		t.Errorf("%q", got)
	}
}

func TestFound(t *testing.T) {
	for in, want := range map[string]string{
		"HTTP/1.1 200 OK\r\nST: x\r\nLOCATION: http://192.168.1.1:5000/d.xml\r\n\r\n": "http://192.168.1.1:5000/d.xml",
		"HTTP/1.0 200\nlocation:http://a/\n":                                          "http://a/",
		"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nLocation : http://a/":       "http://a/",
	} {
		if got, err := upnp.ParseFound([]byte(in)); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{
		"", "HTTP/1.1 404 Not Found\r\nLOCATION: http://a/\r\n\r\n", "NOTIFY * HTTP/1.1\r\nLOCATION: http://a/\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\nLOCATION: http://a/\r\n", "HTTP/1.1 200 OK\r\nLOCATION: " + strings.Repeat("x", 5000),
	} {
		var format *upnp.FormatError
		if got, err := upnp.ParseFound([]byte(in)); !errors.As(err, &format) {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestDescription(t *testing.T) {
	const location = "http://192.168.1.1:5000/d/rootDesc.xml"
	for name, tt := range map[string]struct {
		in   string
		want []upnp.Service
	}{
		"one":      {root("", service(ip1, "/ctl/IPConn")), []upnp.Service{{ip1, "http://192.168.1.1:5000/ctl/IPConn"}}},
		"relative": {root("", service(ip1, "ctl")), []upnp.Service{{ip1, "http://192.168.1.1:5000/d/ctl"}}},
		"base":     {root("<URLBase>http://192.168.1.1:80/</URLBase>", service(ip1, "ctl")), []upnp.Service{{ip1, "http://192.168.1.1:80/ctl"}}},
		"absolute": {root("", service(ip1, "http://10.0.0.1/ctl")), []upnp.Service{{ip1, "http://10.0.0.1/ctl"}}},
		"the best first": {root("", service(ppp, "/p"), service(ip1, "/1"), service(ip2, "/2")),
			[]upnp.Service{{ip2, "http://192.168.1.1:5000/2"}, {ip1, "http://192.168.1.1:5000/1"}, {ppp, "http://192.168.1.1:5000/p"}}},
		"none":           {root(""), nil},
		"no URL":         {root("", service(ip1, "")), nil},
		"not a URL":      {root("", service(ip1, "http://%zz/")), nil},
		"bare ampersand": {root("<friendlyName>A & B</friendlyName>", service(ip1, "/c")), []upnp.Service{{ip1, "http://192.168.1.1:5000/c"}}},
		"other charset": {strings.Replace(root("", service(ip1, "/c")), `version="1.0"`, `version="1.0" encoding="ISO-8859-1"`, 1),
			[]upnp.Service{{ip1, "http://192.168.1.1:5000/c"}}},
	} {
		if got, err := upnp.ParseDescription([]byte(tt.in), location); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestHostileXML(t *testing.T) {
	entities := `<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>`
	for name, in := range map[string]string{
		"deep":          strings.Repeat("<a>", 10_000),
		"deep and even": strings.Repeat("<a>", 33) + strings.Repeat("</a>", 33),
		"wide":          "<r>" + strings.Repeat("<a/>", 5000) + "</r>",
		"no end":        "<root><device>",
		"too long":      "<root>" + strings.Repeat(" ", upnp.MaxBody) + "</root>",
		"crossed":       "<a><b></a></b>",
		"closed first":  "</a>",
	} {
		var format *upnp.FormatError
		if got, err := upnp.ParseDescription([]byte(in), "http://a/"); !errors.As(err, &format) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	// Entities stand for nothing, and long texts are left out.
	for name, in := range map[string]string{
		"entities":  entities + root("", service(ip1, "&b;")),
		"long text": root("", service(ip1, "/"+strings.Repeat("x", 2000))),
	} {
		got, err := upnp.ParseDescription([]byte(in), "http://a/")
		if err != nil {
			continue
		}
		for _, s := range got {
			if len(s.ControlURL) > 100 {
				t.Errorf("%s: %d", name, len(s.ControlURL))
			}
		}
	}
	many, err := upnp.ParseDescription([]byte(root("", strings.Repeat(service(ip1, "/a")+service(ip1, "/b")+service(ip2, "/c")+service(ppp, "/d"), 100))), "http://a/")
	if err != nil || len(many) > 8 {
		t.Error(len(many), err)
	}
}

func TestCalls(t *testing.T) {
	m := upnp.Mapping{Protocol: upnp.UDP, External: 6882, Internal: netip.MustParseAddrPort("192.168.1.2:6881"), Description: "a <b> & c", Lease: 3600}
	for _, body := range [][]byte{m.AppendAdd(nil, ip1), m.AppendDelete(nil, ip1), upnp.AppendGetExternal(nil, ip1)} {
		var envelope struct {
			Body struct {
				Action struct {
					XMLName  xml.Name
					Internal string `xml:"NewInternalClient"`
					Port     string `xml:"NewExternalPort"`
					Text     string `xml:"NewPortMappingDescription"`
				} `xml:",any"`
			}
		}
		if err := xml.Unmarshal(body, &envelope); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		a := envelope.Body.Action
		switch a.XMLName.Local {
		case upnp.AddPortMapping:
			if a.Internal != "192.168.1.2" || a.Port != "6882" || a.Text != m.Description {
				t.Errorf("%+v", a)
			}
		case upnp.DeletePortMapping:
			if a.Port != "6882" {
				t.Errorf("%+v", a)
			}
		case upnp.GetExternalIPAddress:
		default:
			t.Errorf("%+v", a)
		}
		if a.XMLName.Space != ip1 {
			t.Error(a.XMLName.Space)
		}
	}
	if got := upnp.Header(ip1, upnp.AddPortMapping); got != `"`+ip1+`#AddPortMapping"` {
		t.Error(got)
	}
}

func envelope(body string) string {
	return `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` + body + `</s:Body></s:Envelope>`
}

func fault(code string) string {
	return envelope(`<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail><UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>` +
		code + `</errorCode><errorDescription>x</errorDescription></UPnPError></detail></s:Fault>`)
}

func TestCallsAreAnswered(t *testing.T) {
	address := func(a string) string {
		return envelope(`<u:GetExternalIPAddressResponse xmlns:u="` + ip1 + `"><NewExternalIPAddress>` + a + `</NewExternalIPAddress></u:GetExternalIPAddressResponse>`)
	}
	for in, want := range map[string]string{
		address("20.1.0.1"): "20.1.0.1", address("10.0.0.1"): "10.0.0.1", address(""): "invalid IP", address("0.0.0.0"): "invalid IP",
		address("::1"): "invalid IP", address("fish"): "invalid IP",
	} {
		if got, err := upnp.ParseAnswer([]byte(in), upnp.GetExternalIPAddress); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	if _, err := upnp.ParseAnswer([]byte(envelope(`<u:AddPortMappingResponse xmlns:u="x"/>`)), upnp.AddPortMapping); err != nil {
		t.Error(err)
	}
	var is upnp.Fault
	if _, err := upnp.ParseAnswer([]byte(fault("718")), upnp.AddPortMapping); !errors.As(err, &is) || is != upnp.ConflictInMappingEntry {
		t.Error(err)
	}
	for _, in := range []string{fault(""), fault("0"), fault("-3"), envelope("<s:Fault/>")} {
		if _, err := upnp.ParseAnswer([]byte(in), upnp.AddPortMapping); !errors.As(err, &is) {
			t.Error(in, err)
		}
	}
	for _, in := range []string{"", "<html>", "hello", envelope(""), envelope("<u:DeletePortMappingResponse/>"), "<u:AddPortMappingResponse/>"} {
		var format *upnp.FormatError
		if _, err := upnp.ParseAnswer([]byte(in), upnp.AddPortMapping); !errors.As(err, &format) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func FuzzParseFound(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nST: x\r\nLOCATION: http://192.168.1.1:5000/d.xml\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 200\nlocation:http://a/\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if location, err := upnp.ParseFound(b); err == nil && (location == "" || strings.ContainsAny(location, "\n")) {
			t.Fatalf("%q", location)
		}
	})
}

func FuzzParseDescription(f *testing.F) {
	f.Add([]byte(root("", service(ip1, "/ctl/IPConn"))))
	f.Add([]byte(root("<URLBase>http://192.168.1.1:80/</URLBase>", service(ppp, "ctl"), service(ip2, "http://x/"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		services, err := upnp.ParseDescription(b, "http://192.168.1.1:5000/d/rootDesc.xml")
		if err != nil && services != nil || len(services) > 8 {
			t.Fatal(services, err)
		}
		for _, s := range services {
			if !slices.Contains(upnp.ServiceTypes, s.Type) || s.ControlURL == "" || len(s.ControlURL) > 8192 {
				t.Fatalf("%q", s)
			}
		}
	})
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(fault("718")))
	f.Add([]byte(envelope(`<u:GetExternalIPAddressResponse xmlns:u="x"><NewExternalIPAddress>20.1.0.1</NewExternalIPAddress></u:GetExternalIPAddressResponse>`)))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := upnp.ParseAnswer(b, upnp.GetExternalIPAddress)
		if a.IsValid() && (err != nil || !a.Is4()) {
			t.Fatal(a, err)
		}
		var is upnp.Fault
		if errors.As(err, &is) && (is == 0 || is.Error() == "") {
			t.Fatal(is)
		}
	})
}
