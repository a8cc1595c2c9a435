package peers

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// Aria2 is aria2c, version 1.36 in Debian 12, which computes a wrong info-hash for every hybrid (it loses the empty key in
// the file tree of BEP 52). It takes no peers but from trackers, over HTTP.
var Aria2 = Client{
	Name:        "aria2",
	Formats:     []Format{V1},
	HTTPOnly:    true,
	missing:     needs("aria2c", "aria2"),
	start:       startAria2,
	Encryptions: aria2Encryptions,
}

type aria2Peer struct {
	*Process
	addr netip.AddrPort
	rpc  string
	held string // the torrent to begin with
}

func startAria2(t testing.TB, o Options) Peer {
	t.Helper()
	addr, rpc := o.at(), port()
	cmd := exec.Command("aria2c", "--no-conf", "--dir="+o.Dir,
		"--interface="+addr.Addr().String(), "--listen-port="+strconv.Itoa(int(addr.Port())), "--disable-ipv6=true",
		"--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false",
		// What lies there is checked and kept; a complete folder is seeded until the end.
		"--check-integrity=true", "--bt-hash-check-seed=true", "--seed-ratio=0", "--file-allocation=none",
		"--max-upload-limit="+strconv.Itoa(o.UpRate), "--follow-torrent=mem",
		"--enable-rpc=true", "--rpc-listen-port="+strconv.Itoa(int(rpc)),
		"--summary-interval=0", "--enable-color=false")
	cmd.Args = append(cmd.Args, o.Encryption.settings...)
	p := &aria2Peer{addr: addr, rpc: fmt.Sprintf("http://127.0.0.1:%d/jsonrpc", rpc)}
	if o.Hold {
		p.held = o.Torrent
	} else {
		cmd.Args = append(cmd.Args, o.Torrent)
	}
	p.Process = StartProcess(t, "aria2", cmd)
	if o.Hold {
		Wait(t, Patience, "aria2 to answer", func() (bool, any) {
			err := p.call("aria2.getVersion", nil, nil)
			return err == nil, err
		})
	}
	return p
}

// Begin implements Peer.
func (p *aria2Peer) Begin(t testing.TB) {
	t.Helper()
	torrent, err := os.ReadFile(p.held)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.call("aria2.addTorrent", []string{base64.StdEncoding.EncodeToString(torrent)}, nil); err != nil {
		t.Fatal(err)
	}
}

// call calls a method of aria2's JSON-RPC and reads the result into answer, if that is not nil.
func (p *aria2Peer) call(method string, params []string, answer any) error {
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": "1", "method": method, "params": append([]string{}, params...)})
	if err != nil {
		return err
	}
	resp, err := http.Post(p.rpc, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var got struct {
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return err
	}
	if got.Error != nil {
		return fmt.Errorf("aria2: %s: %s", method, got.Error.Message)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(got.Result, answer)
}

// Addr implements Peer.
func (p *aria2Peer) Addr() netip.AddrPort { return p.addr }

// Status implements Peer.
func (p *aria2Peer) Status() Status {
	var active []struct {
		Status          string
		Seeder          string
		TotalLength     int64 `json:",string"`
		CompletedLength int64 `json:",string"`
		UploadLength    int64 `json:",string"`
		VerifiedLength  string
		ErrorMessage    string
		InfoHash        string
	}
	if err := p.call("aria2.tellActive", nil, &active); err != nil {
		return Status{Problem: err.Error() + p.problem()}
	}
	if len(active) == 0 {
		return Status{Problem: "no active download" + p.problem()}
	}
	// A magnet link is a download of the metadata first; the content's own is the newest.
	s := active[len(active)-1]
	return Status{
		Ready:     s.VerifiedLength == "",
		Done:      s.Seeder == "true" && s.TotalLength == s.CompletedLength,
		BytesDone: s.CompletedLength,
		Uploaded:  s.UploadLength,
		Problem:   s.ErrorMessage,
	}
}
