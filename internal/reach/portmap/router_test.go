package portmap_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

// router is a host that speaks NAT-PMP or UPnP, for as long as the test does not end it.
type router struct {
	host  *netxtest.Host
	began time.Time

	mu     sync.Mutex
	mapped []string // as "TCP 6881"
	asked  int
	end    []io.Closer
}

func newRouter(t *testing.T, w *netxtest.World, addr string) *router {
	r := &router{host: w.Host(addr), began: time.Now()}
	t.Cleanup(r.close)
	return r
}

func (r *router) close() {
	for _, c := range r.end {
		_ = c.Close()
	}
	r.end = nil
}

func (r *router) set(transport string, port uint16, on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	what := fmt.Sprint(transport, " ", port)
	r.mapped = slices.DeleteFunc(r.mapped, func(m string) bool { return m == what })
	if on {
		r.mapped = append(r.mapped, what)
		slices.Sort(r.mapped)
	}
}

// has are the mappings, as "TCP 6881, UDP 6881".
func (r *router) has() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.mapped, ", ")
}

func (r *router) listen(t *testing.T, port uint16, answer func(b []byte) []byte) {
	conn, err := r.host.ListenUDP(t.Context(), netip.AddrPortFrom(r.host.Addr(), port))
	if err != nil {
		t.Fatal(err)
	}
	r.end = append(r.end, conn)
	go func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			r.mu.Lock()
			r.asked++
			r.mu.Unlock()
			if out := answer(buf[:n]); out != nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
}

func (r *router) speakNATPMP(t *testing.T) {
	r.listen(t, 5351, func(b []byte) []byte {
		out := binary.BigEndian.AppendUint32([]byte{0, b[1] | 0x80, 0, 0}, uint32(time.Since(r.began)/time.Second))
		switch {
		case b[0] != 0:
			out[3] = 1 // unsupported version
			return out
		case b[1] == 0:
			return append(out, 20, 1, 0, 1)
		}
		lifetime := binary.BigEndian.Uint32(b[8:])
		r.set(map[byte]string{1: "UDP", 2: "TCP"}[b[1]], binary.BigEndian.Uint16(b[4:]), lifetime > 0)
		out = append(out, b[4], b[5], b[4], b[5])
		return binary.BigEndian.AppendUint32(out, lifetime)
	})
}

const upnpService = "urn:schemas-upnp-org:service:WANIPConnection:1"

// speakUPnP speaks as handle does, or as routers do if that is nil.
func (r *router) speakUPnP(t *testing.T, handle http.HandlerFunc) {
	r.listen(t, 1900, func([]byte) []byte {
		return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nLOCATION: http://%v:5000/desc.xml\r\n\r\n", r.host.Addr())
	})
	if handle == nil {
		handle = r.serve
	}
	r.web(t, netip.AddrPortFrom(r.host.Addr(), 5000), handle)
}

func (r *router) web(t *testing.T, at netip.AddrPort, handle http.HandlerFunc) {
	l, err := r.host.ListenTCP(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handle}
	r.end = append(r.end, server)
	go func() { _ = server.Serve(l) }()
}

func (r *router) serve(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodGet {
		fmt.Fprintf(w, "<root><device><serviceList><service><serviceType>%s</serviceType><controlURL>/ctl</controlURL></service></serviceList></device></root>", upnpService)
		return
	}
	b, _ := io.ReadAll(req.Body)
	arg := func(name string) string {
		_, rest, _ := strings.Cut(string(b), "<"+name+">")
		text, _, _ := strings.Cut(rest, "<")
		return text
	}
	_, action, _ := strings.Cut(strings.Trim(req.Header.Get("SOAPAction"), `"`), "#")
	var port uint16
	_, _ = fmt.Sscan(arg("NewInternalPort"), &port)
	args := ""
	switch action {
	case "GetExternalIPAddress":
		args = "<NewExternalIPAddress>20.1.0.1</NewExternalIPAddress>"
	case "AddPortMapping":
		r.set(arg("NewProtocol"), port, true)
	case "DeletePortMapping":
		_, _ = fmt.Sscan(arg("NewExternalPort"), &port)
		r.set(arg("NewProtocol"), port, false)
	default:
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "<s:Envelope><s:Body><s:Fault><detail><UPnPError><errorCode>401</errorCode></UPnPError></detail></s:Fault></s:Body></s:Envelope>")
		return
	}
	fmt.Fprintf(w, "<s:Envelope><s:Body><u:%[1]sResponse>%[2]s</u:%[1]sResponse></s:Body></s:Envelope>", action, args)
}

// gateway is the router as a host inside knows it.
func (r *router) gateway(own string) netx.Gateway {
	return netx.Gateway{Addr: r.host.Addr(), Source: netip.MustParseAddr(own)}
}
