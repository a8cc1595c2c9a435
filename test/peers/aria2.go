package peers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
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
		"--summary-interval=0", "--enable-color=false", o.Torrent)
	cmd.Args = append(cmd.Args, o.Encryption.settings...)
	return &aria2Peer{
		Process: StartProcess(t, "aria2", cmd),
		addr:    addr,
		rpc:     fmt.Sprintf("http://127.0.0.1:%d/jsonrpc", rpc),
	}
}

// Addr implements Peer.
func (p *aria2Peer) Addr() netip.AddrPort { return p.addr }

// Status implements Peer.
func (p *aria2Peer) Status() Status {
	var got struct {
		Result []struct {
			Status          string
			Seeder          string
			TotalLength     int64 `json:",string"`
			CompletedLength int64 `json:",string"`
			UploadLength    int64 `json:",string"`
			VerifiedLength  string
			ErrorMessage    string
			InfoHash        string
		}
	}
	body := `{"jsonrpc":"2.0","id":"1","method":"aria2.tellActive"}`
	resp, err := http.Post(p.rpc, "application/json", bytes.NewReader([]byte(body)))
	if err != nil {
		return Status{Problem: err.Error() + p.problem()}
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return Status{Problem: err.Error()}
	}
	if len(got.Result) == 0 {
		return Status{Problem: "no active download" + p.problem()}
	}
	// A magnet link is a download of the metadata first; the content's own is the newest.
	s := got.Result[len(got.Result)-1]
	return Status{
		Ready:     s.VerifiedLength == "",
		Done:      s.Seeder == "true" && s.TotalLength == s.CompletedLength,
		BytesDone: s.CompletedLength,
		Uploaded:  s.UploadLength,
		Problem:   s.ErrorMessage,
	}
}
