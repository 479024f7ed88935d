package importer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/well"
)

// Progress is told how many of all frames of all fields have been written.
type Progress func(done, total int)

// Options are the settings of an import.
type Options struct {
	Force    bool                // replace a file at the output's place
	DryRun   bool                // stop before anything is written
	Progress Progress            // may be nil
	Survey   func(*Survey) error // is shown what was found before anything is written; an error stops the import. May be nil
}

// Result is what an import did.
type Result struct {
	Notes []string // sentences about what the user may not expect, beside those of the survey
}

// Import reads the arrays that c describes from the files and writes one file of The Well. Before it writes, samples of all
// fields are read: what float32 can not hold is an error, and what looks wrong a note.
func Import(ctx context.Context, c Config, files []string, out string, o Options) (result Result, err error) {
	if err := checkOutput(out, files, o); err != nil {
		return Result{}, err
	}
	folder := existingFolder(filepath.Dir(out))
	in, err := openInputs(files, folder)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	run, err := newRun(c, in, folder)
	if err != nil {
		return Result{}, err
	}
	survey, err := run.survey(ctx)
	if err != nil {
		return Result{}, err
	}
	if o.Survey != nil {
		if err := o.Survey(survey); err != nil {
			return Result{}, err
		}
	}
	if o.DryRun {
		return Result{}, nil
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o777); err != nil {
		return Result{}, fmt.Errorf("importer: %w", err)
	}
	w, err := well.Create(out, run.header)
	if err != nil {
		return Result{}, err
	}
	defer w.Abort()
	w.AllowRepeats()
	run.notes = nil
	if err := run.write(ctx, w, o.Progress); err != nil {
		return Result{}, err
	}
	if repeats := w.Repeats(); len(repeats) > 0 {
		run.note("%d frames repeat the frame before in every field (the first: trajectory %d, frame %d): at rest, steady, or written twice", len(repeats), repeats[0][0], repeats[0][1])
	}
	return Result{Notes: run.notes}, w.Close()
}

// checkOutput refuses to write over an input, over a file that is there, and under a name that no reader would look for.
func checkOutput(out string, files []string, o Options) error {
	if slices.ContainsFunc(files, func(path string) bool { return sameFile(path, out) }) {
		return fmt.Errorf("importer: %s is one of the inputs; choose another --out", out)
	}
	if ext := strings.ToLower(filepath.Ext(out)); ext != ".hdf5" && ext != ".h5" {
		return fmt.Errorf("importer: --out %s; expected a name that ends in .hdf5", out)
	}
	if _, err := os.Lstat(out); err == nil && !o.Force && !o.DryRun {
		return fmt.Errorf("importer: %s exists; choose another --out, or replace it with --force", out)
	}
	return nil
}

// existingFolder is the lowest folder on a path that is there: temporary files go to the output's disk.
func existingFolder(path string) string {
	for {
		if info, err := os.Stat(path); err == nil && info.IsDir() || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

// write copies all fields, in the order in which they lie in their files.
func (r *run) write(ctx context.Context, w *well.Writer, progress Progress) error {
	total, done := 0, 0
	for _, s := range r.fields {
		trajectories, frames := s.counts()
		total += trajectories * frames
	}
	for _, s := range r.fields {
		missing := 0
		trajectories, frames := s.counts()
		// Block by block; a block may hold several trajectories.
		for t0 := 0; t0 < trajectories; {
			next := t0
			for f0 := 0; f0 < frames; {
				b, err := s.at(t0, f0)
				if err != nil {
					return err
				}
				for t := t0; t < b.trajectory+b.trajectories; t++ {
					for f := f0; f < b.frame+b.steps; f++ {
						if err := ctx.Err(); err != nil {
							return err
						}
						values, n, err := s.frame(t, f)
						if err != nil {
							return err
						}
						if err := w.WriteFrame(t, f, s.info.Name, values); err != nil {
							return err
						}
						missing += n
						if done++; progress != nil {
							progress(done, total)
						}
					}
				}
				f0, next = b.frame+b.steps, b.trajectory+b.trajectories
			}
			t0 = next
		}
		s.block = nil
		if missing > 0 {
			r.note("field %s: %d missing values (%.2g %%) became %v", s.info.Name, missing, 100*float64(missing)/float64(trajectories*frames*s.size()), *s.field.Missing)
		}
	}
	return nil
}
