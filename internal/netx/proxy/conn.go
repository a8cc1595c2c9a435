package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/wire/socks"
)

// maxAnswer bounds the header of a proxy's answer to CONNECT.
const maxAnswer = 16 << 10

// target is whom the proxy is to reach: an address, or a name. As a net.Addr it is what a stream by name is connected to.
type target struct {
	addr netip.AddrPort
	name string
	port uint16
}

func (t target) Network() string { return "tcp" }

func (t target) String() string {
	if t.name != "" {
		return net.JoinHostPort(t.name, strconv.Itoa(int(t.port)))
	}
	return t.addr.String()
}

// netAddr is the address in the form of the net package; the name itself if it is one.
func (t target) netAddr() net.Addr {
	if t.name != "" {
		return t
	}
	return net.TCPAddrFromAddrPort(t.addr)
}

func (t target) socks() socks.Addr {
	if t.name != "" {
		return socks.Addr{Name: t.name, Port: t.port}
	}
	return socks.AddrOf(t.addr)
}

// RefusedError says that the proxy did not connect us with somebody, and not why as a system would.
type RefusedError struct {
	Via, To string
	Reason  string
}

func (e *RefusedError) Error() string {
	return e.Via + " refuses to connect to " + e.To + ": " + e.Reason
}

// conn is a connection to the proxy, and once it is made one to somebody behind it.
type conn struct {
	net.Conn
	remote net.Addr
	ahead  []byte // what the proxy sent behind its answer
}

func (c *conn) RemoteAddr() net.Addr {
	if c.remote == nil {
		return c.Conn.RemoteAddr()
	}
	return c.remote
}

func (c *conn) Read(p []byte) (int, error) {
	if len(c.ahead) > 0 {
		n := copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// WriteBuffers writes several buffers in one call of the system.
func (c *conn) WriteBuffers(v *net.Buffers) (int64, error) { return v.WriteTo(c.Conn) }

// interruptible has what is read and written fail when ctx ends. Call the result when it may not any more; it reports whether
// that happened.
func (c *conn) interruptible(ctx context.Context) (done func() (interrupted bool)) {
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return func() bool { return !stop() }
}

// enter connects to the proxy and says who we are. What goes wrong is why nothing gets through, and is noted.
func (n *Network) enter(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, shakeTime)
	defer cancel()
	c, err := n.reach(ctx)
	if err == nil && n.server.Scheme == SOCKS5 {
		done := c.interruptible(ctx)
		err = n.contain(func() error { return c.login(n.server) })
		if done() && err == nil {
			err = ctx.Err()
		}
		if err != nil {
			_ = c.Close()
		}
	}
	switch {
	case err == nil:
		n.note("")
		return c, nil
	case netx.IsNoWay(err):
		return nil, err // the way to it is closed, which says so itself
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, ctx.Err() // nobody wants to know any more
	}
	problem := "does not answer: " + netx.Reason(err)
	var refused *loginError
	switch {
	case errors.As(err, &refused):
		problem = refused.problem
	case errors.Is(err, socks.ErrVersion), errors.Is(err, socks.ErrFormat):
		problem = "is no SOCKS 5 proxy"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		problem = "does not answer"
	}
	n.note(problem)
	return nil, &netx.NoWayError{Via: n.server.String(), Problem: problem}
}

// reach connects to the proxy.
func (n *Network) reach(ctx context.Context) (*conn, error) {
	addrs, err := n.base.LookupHost(ctx, n.server.Host)
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("%s has no address", n.server.Host)
	for _, a := range addrs[:min(len(addrs), maxAddrs)] {
		var c net.Conn
		within, cancel := context.WithTimeout(ctx, dialTime)
		c, err = n.base.DialTCP(within, netip.AddrPortFrom(a, n.server.Port))
		cancel()
		if err == nil {
			return &conn{Conn: c}, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// loginError says that the proxy does not let us in.
type loginError struct{ problem string }

func (e *loginError) Error() string { return e.problem }

var (
	errLoginNeeded  = &loginError{"wants a user name and a password"}
	errLoginRefused = &loginError{"does not take the user name and the password"}
)

// login agrees with a SOCKS proxy about who we are.
func (c *conn) login(s Server) error {
	methods := []socks.Method{socks.NoLogin}
	if s.User != "" {
		methods = append(methods, socks.Password)
	}
	if _, err := c.Write(socks.AppendGreeting(nil, methods...)); err != nil {
		return err
	}
	var b [socks.ChoiceSize]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		return err
	}
	chosen, err := socks.ParseChoice(b[:])
	switch {
	case err != nil:
		return err
	case chosen == socks.NoLogin:
		return nil
	case chosen == socks.NoAcceptable && s.User == "":
		return errLoginNeeded
	case chosen != socks.Password || s.User == "":
		return errLoginRefused
	}
	login, err := socks.AppendLogin(nil, s.User, s.Password)
	if err != nil {
		return err
	}
	if _, err := c.Write(login); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, b[:]); err != nil {
		return err
	}
	// RFC 1929: "If the server returns a `failure' (STATUS value other than X'00') status, it MUST close the connection."
	if right, err := socks.ParseLoginAnswer(b[:]); err != nil || !right {
		return errLoginRefused
	}
	return nil
}

// request asks a SOCKS proxy for something, and returns its reply.
func (c *conn) request(m socks.Message) (socks.Message, error) {
	b, err := socks.AppendMessage(nil, m)
	if err != nil {
		return socks.Message{}, err
	}
	if _, err := c.Write(b); err != nil {
		return socks.Message{}, err
	}
	// Not a byte more than the reply: what follows is for whoever uses the connection.
	b = b[:socks.HeadSize]
	if _, err := io.ReadFull(c, b); err != nil {
		return socks.Message{}, err
	}
	size, err := socks.MessageSize(b)
	if err != nil {
		return socks.Message{}, err
	}
	b = append(b, make([]byte, size-socks.HeadSize)...) // a few hundred at most
	if _, err := io.ReadFull(c, b[socks.HeadSize:]); err != nil {
		return socks.Message{}, err
	}
	reply, _, err := socks.ParseMessage(b)
	return reply, err
}

// connect has the proxy connect us with somebody.
func (c *conn) connect(s Server, to target) error {
	if s.Scheme == HTTP {
		return c.connectHTTP(s, to)
	}
	reply, err := c.request(socks.Message{Code: socks.Connect, Addr: to.socks()})
	if err != nil {
		return fmt.Errorf("%v while connecting to %v: %w", s, to, err)
	}
	return judge(s, to, reply.Code)
}

// judge makes of how a request went what a system says of it.
func judge(s Server, to target, code socks.Code) error {
	errno, known := map[socks.Code]error{
		socks.NetworkUnreachable: syscall.ENETUNREACH, socks.HostUnreachable: syscall.EHOSTUNREACH, socks.ConnectionRefused: syscall.ECONNREFUSED,
		socks.TTLExpired: syscall.ETIMEDOUT, socks.AddressNotSupported: syscall.EAFNOSUPPORT,
	}[code]
	switch {
	case code == socks.Succeeded:
		return nil
	case known:
		return &net.OpError{Op: "dial", Net: "tcp", Addr: to.netAddr(), Err: os.NewSyscallError("connect", errno)}
	}
	return &RefusedError{Via: s.String(), To: to.String(), Reason: code.String()}
}

// connectHTTP is connect by RFC 9110, section 9.3.6.
func (c *conn) connectHTTP(s Server, to target) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "CONNECT %[1]s HTTP/1.1\r\nHost: %[1]s\r\n", to)
	if s.User != "" {
		fmt.Fprintf(&b, "Proxy-Authorization: Basic %s\r\n", base64.StdEncoding.EncodeToString([]byte(s.User+":"+s.Password)))
	}
	b.WriteString("\r\n")
	if _, err := c.Write(b.Bytes()); err != nil {
		return err
	}
	limited := &io.LimitedReader{R: c.Conn, N: maxAnswer}
	r := bufio.NewReader(limited)
	status, err := readAnswer(r)
	if err != nil {
		if limited.N <= 0 {
			err = errors.New("its answer is too long")
		}
		return fmt.Errorf("%v while connecting to %v: %w", s, to, err)
	}
	switch {
	case status == http.StatusProxyAuthRequired && s.User == "":
		return errLoginNeeded
	case status == http.StatusProxyAuthRequired:
		return errLoginRefused
	case status/100 != 2:
		return &RefusedError{Via: s.String(), To: to.String(), Reason: "status " + strconv.Itoa(status)}
	}
	// "Any 2xx (Successful) response indicates that the sender (and all inbound proxies) will switch to tunnel mode immediately
	// after the response header section; data received after that header section is from the server identified by the request
	// target."
	c.ahead, err = r.Peek(r.Buffered())
	return err
}

var errNotHTTP = errors.New("its answer is not HTTP")

// readAnswer reads the header of an answer and not a byte of what follows, whatever fields say of a body: "A client MUST ignore any
// Content-Length or Transfer-Encoding header fields received in a successful response to CONNECT."
func readAnswer(b *bufio.Reader) (status int, err error) {
	r := textproto.NewReader(b)
	line, err := r.ReadLine()
	if err != nil {
		return 0, err
	}
	version, rest, _ := strings.Cut(line, " ")
	digits, _, _ := strings.Cut(rest, " ")
	if _, _, ok := http.ParseHTTPVersion(version); !ok || len(digits) != 3 {
		return 0, errNotHTTP
	}
	if status, err = strconv.Atoi(digits); err != nil || status < 100 {
		return 0, errNotHTTP
	}
	_, err = r.ReadMIMEHeader()
	return status, err
}
