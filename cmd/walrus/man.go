package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand writes the help of all commands as manual pages, for packages.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Hidden: true, // of use to who packages the program
		Short:  "Write manual pages of all commands to a folder",
		Long: `Writes a manual page for every command, walrus-train.1 and so on, to a folder, which is made. They say what --help says. Their
date is that of the commit that the program was built from.`,
		Example: `  walrus man /usr/local/share/man/man1
  walrus man pages && man pages/walrus-data-import.1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return fmt.Errorf("man: %w", err)
			}
			header := &doc.GenManHeader{Title: "WALRUS", Section: "1", Source: "walrus " + thisBuild().Version, Manual: "Walrus in Go"}
			if date, err := time.Parse(time.RFC3339, thisBuild().Committed); err == nil {
				header.Date = &date
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // it has the day on which the pages were made
			keepLines(root)
			return doc.GenManTree(root, header, args[0])
		},
	}
}

// keepLines marks what stands indented in the help of a command and of those below it as code, whose lines a manual page
// keeps: the pages are made by way of Markdown, to which that is four spaces.
func keepLines(cmd *cobra.Command) {
	cmd.Long = strings.ReplaceAll(cmd.Long, "\n  ", "\n    ")
	for _, c := range cmd.Commands() {
		keepLines(c)
	}
}
