package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/internal/config"
	"github.com/potluck-p2p/potluck/internal/host"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// commands is the command line as a whole.
type commands struct {
	Home              string `placeholder:"DIR" help:"Folder of potluck's state (POTLUCK_HOME)."`
	Listen            string `placeholder:"HOST:PORT" help:"Where to accept peers; port 0 picks one."`
	API               string `name:"api" placeholder:"HOST:PORT" help:"Where potluck up opens its API; 127.0.0.1:7685."`
	Up                string `placeholder:"RATE" help:"Most bytes per second to send, with K, M, G; 0 is no limit."`
	Down              string `placeholder:"RATE" help:"Most bytes per second to receive."`
	Offline           bool   `help:"Use only addresses and trackers named explicitly (POTLUCK_OFFLINE=1)."`
	RequireEncryption string `enum:"obfuscated,authenticated," default:"" placeholder:"HOW" help:"Speak with peers only so that others do not see what it is (obfuscated), or by TLS, where both ends prove their keys (authenticated)."`
	JSON              bool   `name:"json" help:"Print one JSON object per line."`
	Quiet             bool   `short:"q" help:"No progress and no messages but errors."`
	Verbose           bool   `short:"v" help:"Say more."`
	NoColor           bool   `name:"no-color" help:"No colours."`

	Share     shareCmd   `cmd:"" help:"Share files and folders where they lie."`
	Get       getCmd     `cmd:"" help:"Fetch by link."`
	Create    createCmd  `cmd:"" help:"Make a .torrent file."`
	UpCmd     upCmd      `cmd:"" name:"up" help:"Run the node that others speak to, until interrupted."`
	DownCmd   downCmd    `cmd:"" name:"down" help:"End the running node."`
	Status    statusCmd  `cmd:"" help:"Show how the running node is."`
	Ls        lsCmd      `cmd:"" help:"List what is shared and fetched."`
	Info      infoCmd    `cmd:"" help:"Show what a .torrent file, a link or an object is."`
	Files     filesCmd   `cmd:"" help:"List the files of an object."`
	Peers     peersCmd   `cmd:"" help:"List peers."`
	Pause     pauseCmd   `cmd:"" help:"Stop exchanging an object."`
	Resume    resumeCmd  `cmd:"" help:"Go on exchanging an object."`
	Verify    verifyCmd  `cmd:"" help:"Read an object again and compare it with what it should be."`
	Move      moveCmd    `cmd:"" help:"Move the files of an object."`
	Rm        rmCmd      `cmd:"" help:"Forget an object."`
	Doctor    doctorCmd  `cmd:"" help:"Explain what others can reach, what not, and why."`
	Config    configCmd  `cmd:"" help:"Show and change settings."`
	VersionOf versionCmd `cmd:"" name:"version" help:"Show the version."`
}

// required are the policies of encryption by the names that --require-encryption has for them.
var required = map[string]string{"obfuscated": "require", "authenticated": "authenticated"}

// flags are the configuration that flags give.
func (c *commands) flags() config.Layer {
	l := make(config.Layer)
	for key, value := range map[string]string{"home": c.Home, "listen": c.Listen, "api": c.API, "up": c.Up, "down": c.Down} {
		if value != "" {
			l[key] = value
		}
	}
	if c.Offline {
		l["offline"] = "true"
	}
	if policy, ok := required[c.RequireEncryption]; ok {
		l["encryption"] = policy
	}
	return l
}

// app is what a command has to do its work.
type app struct {
	ctx    context.Context
	cancel context.CancelFunc // as if interrupted
	disk   vfs.FS
	out    *output
	flags  config.Layer
	env    func(string) string
}

// run runs one command and returns with what to exit. The context ends when the user interrupts.
func run(ctx context.Context, args []string, lookup func(string) (string, bool), stdout, stderr io.Writer) int {
	env := func(name string) string {
		v, _ := lookup(name)
		return v
	}
	out := newOutput(stdout, stderr, env)
	var c commands
	helped := false
	k, err := kong.New(&c,
		kong.Name("potluck"), kong.Description("Share files where they lie and fetch them by link, with everybody who speaks BitTorrent."),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
	)
	if err != nil {
		return out.fail(err)
	}
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	parsed, err := k.Parse(args)
	if helped {
		return potluck.ExitOK
	}
	out.json = c.JSON || err != nil && slices.Contains(args, "--json")
	out.quiet, out.verbose = c.Quiet, c.Verbose
	if err != nil {
		return out.fail(usage("see potluck --help", "%v", err))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = parsed.Run(&app{ctx: ctx, cancel: cancel, disk: vfs.OS(), out: out, flags: c.flags(), env: env})
	return out.fail(err)
}

// exit ends a command with a code when all has been said already.
type exit int

func (e exit) Error() string { return "see above" }

// fail says what went wrong, and returns with what to exit.
func (o *output) fail(err error) int {
	var code exit
	switch {
	case err == nil:
		return potluck.ExitOK
	case errors.As(err, &code):
		return int(code)
	}
	return o.report(err).Exit
}

// logger is where a node of this process says what happens to it.
func (a *app) logger(level slog.Level) *slog.Logger {
	switch {
	case a.out.verbose:
		level = slog.LevelDebug
	case a.out.quiet:
		level = slog.LevelError
	}
	return slog.New(slog.NewTextHandler(a.out.messages(), &slog.HandlerOptions{Level: level}))
}

// config reads what the user wants: flags, environment and file.
func (a *app) config() (*config.Config, error) {
	paths, err := config.Locate(a.env, a.flags)
	if err != nil {
		return nil, configError(err)
	}
	b, err := a.readIfThere(paths.File)
	if err != nil {
		return nil, err
	}
	return a.resolve(paths, b)
}

// resolve is config for a given content of the file; nil if there is none.
func (a *app) resolve(paths config.Paths, file []byte) (*config.Config, error) {
	in := config.Input{Env: a.env, Flags: a.flags, Room: host.Room(a.disk)}
	if file != nil {
		var err error
		if in.File, err = parseConfig(paths.File, file); err != nil {
			return nil, err
		}
		in.FileName, in.Lines = paths.File, config.Lines(file)
	}
	if paths.UserDirs != "" {
		// The desktop's file is no reason to fail.
		in.UserDirs, _ = a.readIfThere(paths.UserDirs)
	}
	cfg, err := config.Resolve(in)
	if err != nil {
		return nil, configError(err)
	}
	// Who is told of the home may be in another folder.
	if cfg.Home, err = filepath.Abs(cfg.Home); err != nil {
		return nil, diskError("cannot tell where "+cfg.Home+" is", err)
	}
	return cfg, nil
}

// parseConfig reads the content of a configuration file. An error names the file.
func parseConfig(name string, data []byte) (config.Layer, error) {
	l, err := config.Parse(data)
	var e *config.Error
	if errors.As(err, &e) {
		e.Where = name
	}
	return l, configError(err)
}

// maxConfig bounds a configuration file that is read.
const maxConfig = 4 << 20

// readIfThere reads a small file; none if it is not there.
func (a *app) readIfThere(name string) ([]byte, error) {
	f, err := a.disk.OpenFile(name, os.O_RDONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, diskError("cannot read "+name, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxConfig))
	if err != nil {
		return nil, diskError("cannot read "+name, err)
	}
	return b, nil
}

func configError(err error) error {
	var e *config.Error
	if !errors.As(err, &e) {
		return err
	}
	said := *e
	said.Hint = ""
	return usage(e.Hint, "%v", &said)
}
