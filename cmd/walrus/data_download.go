package main

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/well"
	"github.com/gowalrus/walrus/well/hub"
)

// downloadFlags are the settings of the download command.
type downloadFlags struct {
	out      string
	split    string
	endpoint string
	include  []string
	verify   bool
	list     bool
}

// dataDownloadCommand fetches a data set from the Hugging Face hub.
func dataDownloadCommand() *cobra.Command {
	var f downloadFlags
	cmd := &cobra.Command{
		Use:   "download NAME",
		Short: "Download a data set of The Well from the Hugging Face hub",
		Long: `Download a data set of The Well from the Hugging Face hub.

NAME is a data set of polymathic-ai, or OWNER/NAME. The data is large (some sets are terabytes): --list shows sizes first,
--split and --include take a part. A transfer that breaks continues by itself, and one that was stopped continues when
the command is run again; each file's hash is checked before it gets its name. HF_TOKEN, HF_ENDPOINT, HTTPS_PROXY and
NO_PROXY are honoured.`,
		Example: `  walrus data download shear_flow --split test --out datasets
  walrus data download gray_scott_reaction_diffusion --list`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return download(cmd, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", ".", "folder in which the data set's folder is made")
	flags.StringVar(&f.split, "split", "", "train, valid or test (default: all of them)")
	flags.StringArrayVar(&f.include, "include", nil, "only files whose path contains this (repeatable); .yaml files always come")
	flags.BoolVar(&f.verify, "verify", false, "check the hashes of files that are there already, too")
	flags.BoolVar(&f.list, "list", false, "list files and sizes, download nothing")
	flags.StringVar(&f.endpoint, "endpoint", "", "address of the hub (default: HF_ENDPOINT, or "+hub.DefaultEndpoint+")")
	return cmd
}

func download(cmd *cobra.Command, name string, f downloadFlags) error {
	if f.split != "" && !slices.Contains(well.Splits, f.split) {
		return usagef("download: --split %s; expected %s", f.split, strings.Join(well.Splits, ", "))
	}
	client := hub.FromEnvironment()
	if f.endpoint != "" {
		client.Endpoint = f.endpoint
	}
	files, err := client.List(cmd.Context(), name)
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(hub.Select(files, f.split), func(file hub.File) bool {
		wanted := func(part string) bool { return strings.Contains(file.Path, part) }
		return len(f.include) > 0 && path.Ext(file.Path) != ".yaml" && !slices.ContainsFunc(f.include, wanted)
	})
	if len(files) == 0 {
		return fmt.Errorf("%s: no files that --split and --include keep; see walrus data download %s --list", name, name)
	}
	var total int64
	for _, file := range files {
		total += file.Size
		if f.list {
			fmt.Fprintf(cmd.OutOrStdout(), "%12d  %s\n", file.Size, file.Path)
		}
	}
	if f.list {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%12d  bytes in %d files\n", total, len(files))
		return err
	}
	return fetchAll(cmd, client, name, files, total, f)
}

// fetchAll downloads the files one after the other, with one bar for all bytes.
func fetchAll(cmd *cobra.Command, client *hub.Client, name string, files []hub.File, total int64, f downloadFlags) error {
	folder := filepath.Join(f.out, path.Base(name))
	show, end := byteProgress(cmd.ErrOrStderr(), path.Base(name))
	defer end()
	var before int64
	for _, file := range files {
		err := client.Download(cmd.Context(), name, file, folder, f.verify, func(_ hub.File, done int64) { show(before+done, total) })
		if err != nil {
			return err
		}
		before += file.Size
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %d files, %d bytes\n", folder, len(files), total)
	return err
}
