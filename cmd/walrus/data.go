package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/internal/progress"
)

// dataCommand gathers the tools around data sets.
func dataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Look at, check, convert and download data sets",
		Long: `Look at, check, convert and download data sets.

All commands take a data set as The Well stores it: a folder NAME with data/train, data/valid and data/test, one of these
folders, or a single .hdf5 file.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		dataInspectCommand(),
		dataCheckCommand(),
		dataStatsCommand(),
		dataPreviewCommand(),
		dataImportCommand(),
		dataDownloadCommand(),
	)
	return cmd
}

// byteProgress shows a bar in MiB on out; the function returned last ends it.
func byteProgress(out io.Writer, name string) (report func(done, total int64), end func()) {
	var bar *progress.Bar
	shown := 0
	report = func(done, total int64) {
		const mebibyte = 1 << 20
		if bar == nil {
			bar = progress.New(out, name, 0, int((total+mebibyte-1)/mebibyte))
		}
		now := int(done / mebibyte)
		if done == total {
			now = int((total + mebibyte - 1) / mebibyte)
		}
		if now > shown {
			bar.Advance(now-shown, "MiB")
			shown = now
		}
	}
	return report, func() {
		if bar != nil {
			bar.Close()
		}
	}
}
