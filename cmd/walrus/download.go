package main

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/internal/hub"
)

// modelDownloadFlags are the settings of the download command.
type modelDownloadFlags struct {
	endpoint string
	include  []string
	verify   bool
	list     bool
	offline  bool
}

// downloadCommand fetches a model from the Hugging Face hub.
func downloadCommand() *cobra.Command {
	var f modelDownloadFlags
	cmd := &cobra.Command{
		Use:   "download NAME",
		Short: "Download released weights, to use them by name",
		Long: `Download released weights from the Hugging Face hub, to use them by name.

NAME is a model of ` + hub.Owner + `, or OWNER/NAME for any other on the hub. Released are
  ` + strings.Join(hub.Released, "\n  ") + `
Afterwards rollout, eval, convert and finetune.from take NAME where they take weights; a file or folder NAME on disk wins.

The files go to the cache that the hub's programs share, HF_HOME/hub (default ~/.cache/huggingface/hub; HF_HUB_CACHE names
another), so that what one of them fetched is not fetched again. Large files come in several pieces at once. A transfer that
breaks continues by itself, and one that was stopped continues when the command is run again; each file's hash is checked before
it gets its name. Weights in several formats come as .safetensors alone. HF_TOKEN, HF_HOME/token, HF_ENDPOINT, HF_HUB_OFFLINE,
HTTPS_PROXY and NO_PROXY are honoured. Data sets: walrus data download.`,
		Example: `  walrus download walrus
  walrus download walrus_ft_CE-RM --list
  walrus download walrus --include walrus.pt
  walrus download walrus --offline      # is it there?`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return downloadModel(cmd, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.include, "include", nil, "only files whose path contains this, in any format (repeatable); .yaml files always come")
	flags.BoolVar(&f.verify, "verify", false, "check the hashes of files that are there already, too")
	flags.BoolVar(&f.list, "list", false, "list files and sizes, download nothing")
	flags.BoolVar(&f.offline, "offline", false, "ask the hub nothing; say where the model is, or fail (as HF_HUB_OFFLINE=1)")
	flags.StringVar(&f.endpoint, "endpoint", "", "address of the hub (default: HF_ENDPOINT, or "+hub.DefaultEndpoint+")")
	return cmd
}

func downloadModel(cmd *cobra.Command, name string, f modelDownloadFlags) error {
	client := hub.FromEnvironment()
	if f.endpoint != "" {
		client.Endpoint = f.endpoint
	}
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	if f.offline || client.Offline {
		if f.list || f.verify {
			return usagef("download: --list and --verify ask the hub; leave them or --offline (HF_HUB_OFFLINE) out")
		}
		folder, err := hub.Cached(name)
		if err != nil {
			return fmt.Errorf("offline, and not downloaded%s: %w", hub.Hint(name), err)
		}
		_, err = fmt.Fprintln(out, folder)
		return err
	}
	model, err := client.Pin(ctx, hub.Repository{Kind: hub.Models, Name: name})
	if err != nil {
		return fmt.Errorf("%w%s", err, hub.Hint(name))
	}
	files, err := client.List(ctx, model)
	if err != nil {
		return err
	}
	if len(f.include) == 0 {
		files = hub.SelectModel(files)
	}
	files = slices.DeleteFunc(files, func(file hub.File) bool {
		wanted := func(part string) bool { return strings.Contains(file.Path, part) }
		return len(f.include) > 0 && path.Ext(file.Path) != ".yaml" && !slices.ContainsFunc(f.include, wanted)
	})
	if len(files) == 0 {
		return fmt.Errorf("%s: no files that --include keeps; see walrus download %s --list", name, name)
	}
	if f.list {
		return listFiles(out, files)
	}
	total := totalBytes(files)
	show, end := byteProgress(cmd.ErrOrStderr(), path.Base(name))
	defer end()
	folder, err := client.Store(ctx, model, files, f.verify, fileProgress(show, total))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %d files, %d bytes\n%s is now the name of these weights, as in: walrus rollout %s DATA\n", filepath.Clean(folder), len(files), total, name, name)
	return err
}
