package peers

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Rtorrent is rtorrent, run as a daemon without a terminal. It takes no peers but from trackers.
var Rtorrent = Client{
	Name:        "rtorrent",
	Formats:     []Format{V1, Hybrid},
	missing:     needs("rtorrent", "rtorrent"),
	start:       startRtorrent,
	Encryptions: rtorrentEncryptions,
}

type rtorrentPeer struct {
	*Process
	addr   netip.AddrPort
	socket string
	held   string // the torrent to begin with
}

func startRtorrent(t testing.TB, o Options) Peer {
	t.Helper()
	addr := o.at()
	home := t.TempDir()
	// The path of a unix socket is short (108 bytes), that of a test's folder is not.
	sockets, err := os.MkdirTemp("", "rt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(sockets) })
	p := &rtorrentPeer{addr: addr, socket: filepath.Join(sockets, "s")}
	config := filepath.Join(home, "rtorrent.rc")
	begin := fmt.Sprintf("load.start_verbose = %q", o.Torrent)
	if o.Hold {
		p.held, begin = o.Torrent, ""
	}
	writeFile(t, config, fmt.Sprintf(`log.open_file = "log", /dev/stdout
log.add_output = "info", "log"
log.add_output = "torrent_info", "log"
session.path.set = %s
directory.default.set = %s
network.bind_address.set = %s
network.port_range.set = %d-%[4]d
network.port_random.set = no
network.scgi.open_local = %[5]s
dht.mode.set = off
protocol.pex.set = no
%[8]s
trackers.use_udp.set = yes
throttle.global_up.max_rate.set = %[6]d
system.daemon.set = true
%[7]s
`, home, o.Dir, addr.Addr(), addr.Port(), p.socket, o.UpRate, begin, strings.Join(o.Encryption.settings, "\n")))
	cmd := exec.Command("rtorrent", "-n", "-o", "import="+config)
	cmd.Env = append(os.Environ(), "HOME="+home)
	p.Process = StartProcess(t, "rtorrent", cmd)
	if o.Hold {
		Wait(t, Patience, "rtorrent to answer", func() (bool, any) {
			_, err := p.call("system.pid")
			return err == nil, err
		})
	}
	return p
}

// Begin implements Peer.
func (p *rtorrentPeer) Begin(t testing.TB) {
	t.Helper()
	if _, err := p.call("load.start_verbose", "", p.held); err != nil {
		t.Fatal(err)
	}
}

// Addr implements Peer.
func (p *rtorrentPeer) Addr() netip.AddrPort { return p.addr }

// Status implements Peer.
func (p *rtorrentPeer) Status() Status {
	fields := []string{"d.is_active=", "d.hashing=", "d.complete=", "d.completed_bytes=", "d.up.total=", "d.message=", "d.is_meta="}
	got, err := p.call("d.multicall2", append([]string{"", "main"}, fields...)...)
	if err != nil {
		return Status{Problem: err.Error() + p.problem()}
	}
	if len(got) != len(fields) {
		return Status{Problem: fmt.Sprintf("%d values: %q", len(got), got)}
	}
	active, hashing, complete, message, meta := got[0] == "1", got[1] != "0", got[2] == "1", got[5], got[6] == "1"
	done, _ := strconv.ParseInt(got[3], 10, 64)
	up, _ := strconv.ParseInt(got[4], 10, 64)
	return Status{Ready: active && !hashing, Done: complete && !hashing && !meta, BytesDone: done, Uploaded: up, Problem: message}
}

// call calls a method of rtorrent's XML-RPC over SCGI and returns the scalars of the answer in order.
func (p *rtorrentPeer) call(method string, params ...string) ([]string, error) {
	var body bytes.Buffer
	fmt.Fprintf(&body, "<methodCall><methodName>%s</methodName><params>", method)
	for _, param := range params {
		body.WriteString("<param><value><string>")
		if err := xml.EscapeText(&body, []byte(param)); err != nil {
			return nil, err
		}
		body.WriteString("</string></value></param>")
	}
	body.WriteString("</params></methodCall>")
	conn, err := net.DialTimeout("unix", p.socket, time.Second)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return nil, err
	}
	header := fmt.Sprintf("CONTENT_LENGTH\x00%d\x00SCGI\x001\x00", body.Len())
	if _, err := fmt.Fprintf(conn, "%d:%s,%s", len(header), header, body.Bytes()); err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return nil, err
	}
	_, answer, _ = bytes.Cut(answer, []byte("\r\n\r\n"))
	return scalars(answer)
}

// scalars are the texts of the innermost values of an XML-RPC answer.
func scalars(answer []byte) ([]string, error) {
	var found []string
	text := ""
	for dec := xml.NewDecoder(bytes.NewReader(answer)); ; {
		token, err := dec.Token()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			text = ""
		case xml.CharData:
			text += string(token)
		case xml.EndElement:
			switch token.Name.Local {
			case "string", "i4", "i8", "int":
				found = append(found, text)
			case "fault":
				return nil, fmt.Errorf("rtorrent: %q", found)
			}
		}
	}
}
