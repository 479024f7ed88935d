package main

import (
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/internal/hub"
	"github.com/gowalrus/walrus/well"
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
the command is run again; each file's hash is checked before it gets its name. HF_TOKEN, HF_HOME/token, HF_ENDPOINT,
HF_HUB_OFFLINE, HTTPS_PROXY and NO_PROXY are honoured.`,
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
	set := hub.Repository{Kind: hub.Datasets, Name: name}
	files, err := client.List(cmd.Context(), set)
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(hub.SelectSplit(files, f.split), func(file hub.File) bool {
		wanted := func(part string) bool { return strings.Contains(file.Path, part) }
		return len(f.include) > 0 && path.Ext(file.Path) != ".yaml" && !slices.ContainsFunc(f.include, wanted)
	})
	if len(files) == 0 {
		return fmt.Errorf("%s: no files that --split and --include keep; see walrus data download %s --list", name, name)
	}
	total := totalBytes(files)
	if f.list {
		return listFiles(cmd.OutOrStdout(), files)
	}
	folder := filepath.Join(f.out, path.Base(name))
	show, end := byteProgress(cmd.ErrOrStderr(), path.Base(name))
	defer end()
	report := fileProgress(show, total)
	for _, file := range files {
		if err := client.Download(cmd.Context(), set, file, folder, f.verify, report); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d files, %d bytes\n", folder, len(files), total)
	return err
}

// totalBytes is what all files have together.
func totalBytes(files []hub.File) (total int64) {
	for _, file := range files {
		total += file.Size
	}
	return total
}

// listFiles prints files with their sizes.
func listFiles(out io.Writer, files []hub.File) error {
	for _, file := range files {
		fmt.Fprintf(out, "%12d  %s\n", file.Size, file.Path)
	}
	_, err := fmt.Fprintf(out, "%12d  bytes in %d files\n", totalBytes(files), len(files))
	return err
}

// fileProgress makes one bar for all bytes of what the files report one after the other.
func fileProgress(show func(done, total int64), total int64) hub.Progress {
	var before int64
	var now hub.File
	return func(f hub.File, done int64) {
		if f != now {
			before += now.Size
			now = f
		}
		show(before+done, total)
	}
}
