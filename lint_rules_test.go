package potluck_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxFileLines is the length above which a file holds more than one subject.
const maxFileLines = 600

// A source is one parsed file, judged as the file of the house at path.
type source struct {
	path    string
	set     *token.FileSet
	syntax  *ast.File
	lines   int
	imports map[string]string // local name -> import path
}

// A violation is one broken rule.
type violation struct {
	line int
	rule string
}

// A ban forbids names of packages, except in the rooms that exist for them.
type ban struct {
	packages []string
	names    func(name string) bool
	where    func(r room) bool // nil: everywhere
	except   []string          // rooms
	making   bool              // the name may be used, but not to make a value of that type
	rule     string            // %s is the name as written
}

// among is a set of names; a name ending in * stands for all that begin so.
func among(names ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(names, func(n string) bool {
			start, open := strings.CutSuffix(n, "*")
			return name == n || open && strings.HasPrefix(name, start)
		})
	}
}

func not(f func(string) bool) func(string) bool { return func(name string) bool { return !f(name) } }

func anyName(string) bool { return true }

func below(floor int) func(room) bool { return func(r room) bool { return r.floor < floor } }

// bans are the rules about names; the tests, the harness (test/) and the benchmark (bench/) are exempt.
var bans = []ban{
	{
		packages: []string{"os"},
		names: among("Open*", "Create*", "ReadFile", "WriteFile", "ReadDir", "Mkdir*", "Remove*", "Rename", "Root", "DirFS", "Stat",
			"Lstat", "Symlink", "Link", "Readlink", "Truncate", "Ch*", "Lchown", "NewFile", "CopyFS", "Pipe"),
		except: []string{"internal/vfs"},
		rule:   "only vfs opens files: %s",
	},
	{
		packages: []string{"path/filepath"},
		names:    among("Walk*", "Glob", "EvalSymlinks"),
		except:   []string{"internal/vfs"},
		rule:     "only vfs reads folders: %s",
	},
	{
		packages: []string{"io/ioutil", "syscall", "golang.org/x/sys/unix", "golang.org/x/sys/windows"},
		names:    among("Open*", "ReadFile", "WriteFile", "ReadAll", "Mkdir*", "Unlink*", "Rename*", "Stat*", "Lstat*", "Fstatat*", "Socket*", "Bind", "Connect", "Listen", "Exec", "ForkExec"),
		except:   []string{"internal/vfs", "internal/netx"},
		rule:     "only vfs and netx call the system: %s",
	},
	{
		packages: []string{"net"},
		names: among("Dial*", "Listen", "ListenTCP", "ListenUDP", "ListenUnix*", "ListenIP", "ListenPacket", "ListenMulticastUDP",
			"ListenConfig", "Resolve*", "Lookup*", "DefaultResolver", "File*", "Interface*", "Pipe"),
		except: []string{"internal/netx"},
		rule:   "only netx dials, listens and resolves: %s",
	},
	{
		packages: []string{"net"},
		names:    not(among("SplitHostPort", "JoinHostPort")),
		where:    func(r room) bool { return r.pure },
		rule:     "a pure room knows no network (addresses are net/netip): %s",
	},
	{
		packages: []string{"net/http"},
		names:    among("Default*", "Get", "Head", "Post", "PostForm", "ProxyFromEnvironment", "ListenAndServe*", "ServeTLS"),
		except:   []string{"internal/netx"},
		rule:     "HTTP goes through netx: %s",
	},
	{
		packages: []string{"net/http"},
		names:    among("Client", "Transport"),
		making:   true,
		except:   []string{"internal/netx"},
		rule:     "HTTP goes through netx: %s",
	},
	{
		packages: []string{"crypto/tls"},
		names:    among("Dial*", "Listen", "Dialer"),
		except:   []string{"internal/netx"},
		rule:     "only netx dials and listens: %s",
	},
	{
		packages: []string{"time"},
		names:    among("Now", "Since", "Until", "After*", "Sleep", "Tick", "New*"),
		where:    below(3),
		except:   []string{"internal/vfs", "internal/netx"},
		rule:     "the clock is handed in below floor 3: %s",
	},
	{
		packages: []string{"time"},
		names:    among("Sleep"),
		rule:     "nothing sleeps, it waits for an event or a timer that can be cancelled: %s",
	},
	{
		packages: []string{"crypto/rand"},
		names:    anyName,
		where:    below(3),
		rule:     "randomness is handed in below floor 3: %s",
	},
	{
		packages: []string{"math/rand", "math/rand/v2"},
		names:    not(among("New", "NewPCG", "NewChaCha8", "NewZipf", "NewSource", "Rand", "Source*", "PCG", "ChaCha8", "Zipf")),
		rule:     "randomness comes from a source that is handed in: %s",
	},
	{
		packages: []string{"os"},
		names:    among("Getenv", "LookupEnv", "Environ", "Setenv", "Unsetenv", "Clearenv", "ExpandEnv", "UserHomeDir", "UserConfigDir", "UserCacheDir", "Getwd", "Hostname"),
		except:   []string{"internal/config", "cmd"},
		rule:     "the environment is read by config alone: %s",
	},
	{
		packages: []string{"os"},
		names:    among("Exit", "Args", "Stdin", "Stdout", "Stderr"),
		except:   []string{"cmd"},
		rule:     "only a command speaks to the terminal or ends the process: %s",
	},
	{
		packages: []string{"log"},
		names:    anyName,
		rule:     "messages go through the log/slog logger that is handed in: %s",
	},
	{
		packages: []string{"log/slog"},
		names: among("Default", "SetDefault", "Debug", "DebugContext", "Info", "InfoContext", "Warn", "WarnContext", "Error",
			"ErrorContext", "Log", "LogAttrs", "With"),
		except: []string{"cmd"},
		rule:   "messages go through the log/slog logger that is handed in: %s",
	},
}

// judge returns the rules this file breaks.
func (f *source) judge() []violation {
	var found []violation
	report := func(line int, format string, args ...any) {
		found = append(found, violation{line, fmt.Sprintf(format, args...)})
	}
	if f.lines > maxFileLines {
		report(1, "%d lines: a file holds one subject in at most %d", f.lines, maxFileLines)
	}
	for _, group := range f.syntax.Comments {
		for _, c := range group.List {
			for i, text := range strings.Split(c.Text, "\n") {
				if strings.Contains(text, "TODO") || strings.Contains(text, "FIXME") {
					report(f.line(c)+i, "no notes to self: do it, or leave it out")
				}
			}
		}
	}
	home := path.Dir(f.path)
	here, _ := findRoom(home)
	harness := isBelow(home, "test") || isBelow(home, "bench")
	made := map[ast.Expr]bool{} // types of which a value is made
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				report(f.line(n), "no func init: what is needed is handed in")
			}
		case *ast.CompositeLit:
			made[n.Type] = true
		case *ast.ValueSpec:
			made[n.Type] = true
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "new" && len(n.Args) == 1 {
				made[n.Args[0]] = true
			}
		case *ast.ChanType:
			if isAny(n.Value) {
				report(f.line(n), "a channel has a type: no chan any")
			}
		case *ast.Ident:
			if n.Name == "InsecureSkipVerify" {
				report(f.line(n), "InsecureSkipVerify: certificates are checked")
			}
		case *ast.ImportSpec:
			if n.Name != nil && n.Name.Name == "." {
				report(f.line(n), "no dot imports: names say where they come from")
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok || harness {
				break
			}
			for _, b := range bans {
				if slices.Contains(b.packages, f.imports[x.Name]) && (!b.making || made[n]) && b.applies(here, home, n.Sel.Name) {
					report(f.line(n), b.rule, x.Name+"."+n.Sel.Name)
				}
			}
		}
		return true
	})
	return found
}

func (b ban) applies(here room, home, name string) bool {
	return b.names(name) && (b.where == nil || b.where(here)) &&
		!slices.ContainsFunc(b.except, func(r string) bool { return isBelow(home, r) })
}

// addImport notes under which name a file knows a package.
func (f *source) addImport(spec *ast.ImportSpec) {
	imp, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return
	}
	name := path.Base(imp)
	if strings.HasPrefix(name, "v") && strings.Trim(name[1:], "0123456789") == "" && name != "v" {
		name = path.Base(path.Dir(imp)) // math/rand/v2 is called rand
	}
	if spec.Name != nil {
		name = spec.Name.Name
	}
	f.imports[name] = imp
}

// isAny reports whether a type is the empty interface.
func isAny(t ast.Expr) bool {
	switch t := t.(type) {
	case *ast.Ident:
		return t.Name == "any"
	case *ast.InterfaceType:
		return t.Methods.NumFields() == 0
	}
	return false
}
