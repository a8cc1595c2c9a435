package peers

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Transmission is transmission-daemon, version 3.00 in Debian 12, which reads no hybrid: it takes the empty key in the file
// tree of BEP 52 for a missing one. It takes no peers but from trackers, and refuses those in 127.0.0.0/8.
var Transmission = Client{
	Name:        "transmission",
	Formats:     []Format{V1},
	SkipsEmpty:  true,
	missing:     needs("transmission-daemon", "transmission-daemon"),
	start:       startTransmission,
	Encryptions: transmissionEncryptions,
}

type transmissionPeer struct {
	*Process
	addr    netip.AddrPort
	rpc     string
	client  *http.Client // on the machine of Transmission
	session string
	add     map[string]any // what it is told to add the torrent
}

func startTransmission(t testing.TB, o Options) Peer {
	t.Helper()
	addr := o.at()
	rpc := netip.AddrPortFrom(addr.Addr(), port())
	config := t.TempDir()
	encryption := 1 // its default
	if len(o.Encryption.settings) > 0 {
		fmt.Sscan(o.Encryption.settings[0], &encryption)
	}
	settings, err := json.Marshal(map[string]any{
		"encryption":                   encryption,
		"bind-address-ipv4":            addr.Addr().String(),
		"bind-address-ipv6":            "::1",
		"peer-port":                    addr.Port(),
		"port-forwarding-enabled":      false,
		"dht-enabled":                  len(o.DHT) > 0,
		"pex-enabled":                  o.PEX,
		"lpd-enabled":                  o.LAN,
		"utp-enabled":                  o.UTP,
		"download-dir":                 o.Dir,
		"rpc-bind-address":             rpc.Addr().String(),
		"rpc-port":                     rpc.Port(),
		"rpc-whitelist-enabled":        false,
		"rpc-host-whitelist-enabled":   false,
		"speed-limit-up":               o.UpRate / 1000,
		"speed-limit-up-enabled":       o.UpRate != 0,
		"ratio-limit-enabled":          false,
		"idle-seeding-limit-enabled":   false,
		"cache-size-mb":                1,
		"rename-partial-files":         true,
		"start-added-torrents":         true,
		"trash-original-torrent-files": false,
	})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(config, "settings.json"), string(settings))
	if len(o.DHT) > 0 {
		writeFile(t, filepath.Join(config, "dht.dat"), dhtState(o.DHT))
	}
	cmd := o.command("transmission-daemon", "--foreground", "--config-dir", config)
	cmd.Env = append(os.Environ(), "HOME="+config)
	p := &transmissionPeer{
		Process: StartProcess(t, "transmission", cmd),
		addr:    addr,
		rpc:     "http://" + rpc.String() + "/transmission/rpc",
		client:  http.DefaultClient,
	}
	if o.Host != nil {
		p.client = &http.Client{Transport: &http.Transport{DialContext: o.Host.Dial, DisableKeepAlives: true}}
	}
	p.add = map[string]any{"download-dir": o.Dir}
	if strings.HasPrefix(o.Torrent, "magnet:") {
		p.add["filename"] = o.Torrent
	} else {
		b, err := os.ReadFile(o.Torrent)
		if err != nil {
			t.Fatal(err)
		}
		p.add["metainfo"] = base64.StdEncoding.EncodeToString(b)
	}
	Wait(t, 20*time.Second, "transmission to answer", func() (bool, any) {
		err := p.call("session-get", map[string]any{}, nil)
		return err == nil, err
	})
	if !o.Hold {
		p.Begin(t)
	}
	return p
}

// Begin implements Peer.
func (p *transmissionPeer) Begin(t testing.TB) {
	t.Helper()
	if err := p.call("torrent-add", p.add, nil); err != nil {
		t.Fatal(err)
	}
}

// dhtState is what Transmission keeps of the DHT between two runs: the nodes that it asks first, one every few seconds. It
// looks for peers when it knows nine, and then every half an hour.
func dhtState(nodes []netip.AddrPort) string {
	var compact []byte
	for _, n := range nodes {
		compact = append(compact, n.Addr().AsSlice()...)
		compact = binary.BigEndian.AppendUint16(compact, n.Port())
	}
	return fmt.Sprintf("d5:nodes%d:%se", len(compact), compact)
}

// Addr implements Peer.
func (p *transmissionPeer) Addr() netip.AddrPort { return p.addr }

// Status implements Peer.
func (p *transmissionPeer) Status() Status {
	const checkWait, check, seed = 1, 2, 6
	var got struct {
		Torrents []struct {
			Status                  int
			LeftUntilDone           int64
			SizeWhenDone            int64
			UploadedEver            int64
			ErrorString             string
			MetadataPercentComplete float64
			Peers                   []struct {
				Address    netip.Addr
				IsIncoming bool
				IsUTP      bool
			}
		}
	}
	fields := []string{"status", "leftUntilDone", "sizeWhenDone", "uploadedEver", "errorString", "metadataPercentComplete", "peers"}
	if err := p.call("torrent-get", map[string]any{"fields": fields}, &got); err != nil {
		return Status{Problem: err.Error() + p.problem()}
	}
	if len(got.Torrents) != 1 {
		return Status{Problem: fmt.Sprintf("%d torrents", len(got.Torrents))}
	}
	s := got.Torrents[0]
	status := Status{
		Ready:     s.Status != checkWait && s.Status != check,
		Done:      s.MetadataPercentComplete == 1 && s.LeftUntilDone == 0 && s.Status == seed,
		BytesDone: s.SizeWhenDone - s.LeftUntilDone,
		Uploaded:  s.UploadedEver,
		Problem:   s.ErrorString,
	}
	for _, p := range s.Peers {
		status.Neighbours = append(status.Neighbours, Neighbour{p.Address, !p.IsIncoming, p.IsUTP})
	}
	return status
}

// call calls a method of Transmission's RPC and reads the answer's arguments into answer.
func (p *transmissionPeer) call(method string, arguments, answer any) error {
	body, err := json.Marshal(map[string]any{"method": method, "arguments": arguments})
	if err != nil {
		return err
	}
	for range 2 { // the first answer only tells the session's id
		req, err := http.NewRequest(http.MethodPost, p.rpc, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("X-Transmission-Session-Id", p.session)
		resp, err := p.client.Do(req)
		if err != nil {
			return err
		}
		var reply struct {
			Result    string
			Arguments json.RawMessage
		}
		if resp.StatusCode == http.StatusConflict {
			p.session = resp.Header.Get("X-Transmission-Session-Id")
			resp.Body.Close()
			continue
		}
		err = json.NewDecoder(resp.Body).Decode(&reply)
		resp.Body.Close()
		switch {
		case err != nil:
			return err
		case reply.Result != "success":
			return fmt.Errorf("transmission: %s: %s", method, reply.Result)
		case answer == nil:
			return nil
		}
		return json.Unmarshal(reply.Arguments, answer)
	}
	return fmt.Errorf("transmission: %s: no session", method)
}
