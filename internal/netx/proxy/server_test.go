package proxy

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Server{
		"socks5://proxy.example:1080":        {Scheme: SOCKS5, Host: "proxy.example", Port: 1080},
		"socks5h://127.0.0.1:9050":           {Scheme: SOCKS5, Host: "127.0.0.1", Port: 9050},
		"HTTP://[2001:db8::1]:3128/":         {Scheme: HTTP, Host: "2001:db8::1", Port: 3128},
		"socks5://me:p%40ss%3A@10.0.0.1:1":   {Scheme: SOCKS5, Host: "10.0.0.1", Port: 1, User: "me", Password: "p@ss:"},
		"socks5://token@proxy.example:65535": {Scheme: SOCKS5, Host: "proxy.example", Port: 65535, User: "token"},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if again, err := Parse(got.URL()); err != nil || again != got {
			t.Errorf("%s became %s", text, got.URL())
		}
		if got.Password != "" && strings.Contains(got.String(), "ss") && !strings.HasPrefix(got.String(), "socks5://10.") {
			t.Errorf("%s shows its password", got)
		}
	}
	for text, want := range map[string]error{
		"":                     errScheme,
		"proxy:1080":           errScheme,
		"socks4://a:1":         errScheme,
		"https://a:1":          errScheme,
		"socks5://a":           errPort,
		"socks5://a:0":         errPort,
		"socks5://a:65536":     errPort,
		"socks5://:1080":       errURL,
		"socks5://a b:1":       errURL,
		"socks5://ä.example:1": errURL,
		"socks5:a:1":           errURL,
		"http://a:1/path":      errExtra,
		"http://a:1?q":         errExtra,
		"http://a:1#f":         errExtra,
		"socks5://:secret@a:1": errLogin,
		"socks5://u:" + strings.Repeat("p", 256) + "@a:1": errLogin,
		"socks5://u:secret%zz@a:1":                        errURL,
	} {
		got, err := Parse(text)
		if err != want {
			t.Errorf("%.40s: %+v, %v, want %v", text, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("an error tells the password: %v", err)
		}
	}
	if (Server{}).URL() != "" {
		t.Error("no proxy has a URL")
	}
}
