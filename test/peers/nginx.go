package peers

import (
	"fmt"
	"net/http"
	"net/netip"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
)

// WebServer is a running web server that serves the files of a folder.
type WebServer struct {
	*Process
	addr netip.AddrPort
}

// StartWebServer starts an nginx on a folder. It gives rate bytes per second to each request; 0 is no bound.
func StartWebServer(t testing.TB, dir string, rate int) *WebServer {
	t.Helper()
	netns.Need(t)
	// Where services live is not in every user's path.
	program, err := exec.LookPath("/usr/sbin/nginx")
	if err != nil {
		program = Program(t, "nginx", "nginx-light")
	}
	own := t.TempDir()
	w := &WebServer{addr: Address()}
	config := filepath.Join(own, "nginx.conf")
	writeFile(t, config, fmt.Sprintf(`
daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr warn;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen %[2]s;
		root "%[3]s";
		limit_rate %[4]d;
	}
}
`, own, w.addr, dir, rate))
	w.Process = StartProcess(t, "nginx", exec.Command(program, "-p", own, "-e", "stderr", "-c", config))
	w.await(t)
	return w
}

// StartPlainServer starts the web server of Python's library on a folder. It knows no ranges, and gives files only as a whole.
func StartPlainServer(t testing.TB, dir string) *WebServer {
	t.Helper()
	netns.Need(t)
	w := &WebServer{addr: Address()}
	w.Process = StartProcess(t, "python", exec.Command(Program(t, "python3", "python3"), "-m", "http.server",
		"--bind", w.addr.Addr().String(), "--directory", dir, fmt.Sprint(w.addr.Port())))
	w.await(t)
	return w
}

// await waits until the server answers.
func (w *WebServer) await(t testing.TB) {
	t.Helper()
	Wait(t, 10*time.Second, "the web server to answer", func() (bool, any) {
		resp, err := http.Head(w.URL())
		if err == nil {
			resp.Body.Close()
		}
		return err == nil, err
	})
}

// URL is that of the folder.
func (w *WebServer) URL() string { return "http://" + w.addr.String() + "/" }
