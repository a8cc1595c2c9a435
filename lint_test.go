package potluck_test

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// exceptions are the few places that may break a rule, as "file: rule" with the reason. One that is no longer needed fails.
var exceptions = map[string]string{
	"internal/identity/tls.go: InsecureSkipVerify: certificates are checked": "what is checked is the key in it, by VerifyConnection: nodes have no names",
	"internal/netx/bind/watch_linux.go: only vfs opens files: os.NewFile":    "a socket of the kernel's, so that reading from it can be interrupted",
}

// TestLint holds the rules of lint_rules_test.go over every file that is not a test.
func TestLint(t *testing.T) {
	files, err := goFiles(".")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	documented := map[string]bool{} // folder -> some file has a package comment
	for _, path := range files {
		f := parseSource(t, path, path)
		dir := filepath.ToSlash(filepath.Dir(path))
		documented[dir] = documented[dir] || f.syntax.Doc != nil
		for _, v := range f.judge() {
			key := f.path + ": " + v.rule
			if exceptions[key] != "" {
				used[key] = true
				continue
			}
			t.Errorf("%s:%d: %s", f.path, v.line, v.rule)
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: package without a package comment", dir)
		}
	}
	for key := range exceptions {
		if !used[key] {
			t.Errorf("exception %q is not needed any more", key)
		}
	}
}

// TestLintCatches runs the rules over files with planted violations. A line that must be refused ends in a comment
// `want "part of the rule"`; the first line says as which file of the house it is judged.
func TestLintCatches(t *testing.T) {
	planted, err := filepath.Glob("testdata/lint/*.go")
	if err != nil || len(planted) == 0 {
		t.Fatalf("no planted violations: %v", err)
	}
	for _, path := range planted {
		t.Run(filepath.Base(path), func(t *testing.T) {
			as, want := readPlanted(t, path)
			got := map[int][]string{}
			for _, v := range parseSource(t, path, as).judge() {
				got[v.line] = append(got[v.line], v.rule)
			}
			for line, part := range want {
				if !slices.ContainsFunc(got[line], func(rule string) bool { return strings.Contains(rule, part) }) {
					t.Errorf("line %d: got %q, want a rule about %q", line, got[line], part)
				}
			}
			for line, rules := range got {
				if want[line] == "" {
					t.Errorf("line %d: refused without need: %q", line, rules)
				}
			}
		})
	}
}

// TestLintCatchesLongFiles holds the bound on a file's length, which needs no planted file.
func TestLintCatchesLongFiles(t *testing.T) {
	src := "// Package long is long.\npackage long\n" + strings.Repeat("\n", maxFileLines)
	f, err := newSource("internal/long/long.go", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.judge(); len(got) != 1 || !strings.Contains(got[0].rule, "lines") {
		t.Errorf("got %v", got)
	}
}

func parseSource(t *testing.T, path, as string) *source {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := newSource(filepath.ToSlash(as), b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func newSource(as string, text []byte) (*source, error) {
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, as, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &source{path: as, set: set, syntax: syntax, lines: strings.Count(string(text), "\n"), imports: map[string]string{}}
	for _, spec := range syntax.Imports {
		f.addImport(spec)
	}
	return f, nil
}

// goFiles lists the Go files below root that are neither tests nor test data, nor in another module.
func goFiles(root string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root:
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return filepath.SkipDir
			}
			if name := d.Name(); name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
				return filepath.SkipDir
			}
		case !d.IsDir() && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

func readPlanted(t *testing.T, path string) (as string, want map[int]string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want = map[int]string{}
	for s, line := bufio.NewScanner(f), 1; s.Scan(); line++ {
		if rest, ok := strings.CutPrefix(s.Text(), "// judged as "); ok {
			as = rest
		}
		if _, rest, ok := strings.Cut(s.Text(), `want "`); ok {
			want[line] = strings.TrimSuffix(rest, `"`)
		}
	}
	if as == "" {
		t.Fatalf("%s does not say as which file it is judged", path)
	}
	return as, want
}

// line is where in its file a node stands.
func (f *source) line(n ast.Node) int { return f.set.Position(n.Pos()).Line }
