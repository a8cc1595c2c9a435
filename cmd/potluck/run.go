package main

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/ending"
	"github.com/potluck-p2p/potluck/cmd/potluck/output"
	"github.com/potluck-p2p/potluck/cmd/potluck/session"
	"github.com/potluck-p2p/potluck/internal/config"
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
	ctx   context.Context
	disk  vfs.FS
	out   *output.Output
	flags config.Layer
	env   func(string) string
	nodes *session.Opener
}

// run runs one command and returns with what to exit. The context ends when the user interrupts.
func run(ctx context.Context, args []string, lookup func(string) (string, bool), stdout, stderr io.Writer) int {
	env := func(name string) string {
		v, _ := lookup(name)
		return v
	}
	out := output.New(stdout, stderr, env)
	var c commands
	helped := false
	k, err := kong.New(&c,
		kong.Name("potluck"), kong.Description("Share files where they lie and fetch them by link, with everybody who speaks BitTorrent."),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
	)
	if err != nil {
		return fail(out, err)
	}
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	parsed, err := k.Parse(args)
	if helped {
		return potluck.ExitOK
	}
	out.JSON = c.JSON || err != nil && slices.Contains(args, "--json")
	out.Quiet, out.Verbose = c.Quiet, c.Verbose
	if err != nil {
		return fail(out, ending.Usage("see potluck --help", "%v", err))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a := &app{ctx: ctx, disk: vfs.OS(), out: out, flags: c.flags(), env: env}
	a.nodes = &session.Opener{Disk: a.disk, Out: out, Flags: a.flags, Config: a.config, End: cancel}
	return fail(out, parsed.Run(a))
}

// fail says what went wrong, and returns with what to exit.
func fail(out *output.Output, err error) int {
	var code ending.Exit
	switch {
	case err == nil:
		return potluck.ExitOK
	case errors.As(err, &code):
		return int(code)
	}
	return out.Report(err).Exit
}
