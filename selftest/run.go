package selftest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/engine"
)

// Options select what is compared.
type Options struct {
	// Case keeps the cases, and the files of released numbers, whose name contains it.
	Case string
	// Weights are those that the released numbers belong to, a file beside its configuration; empty: ../golden/walrus_tiny.pt
	// beside the folder. Golden cases name their own.
	Weights string
}

// runner runs the cases of a folder on an engine.
type runner struct {
	folder  *folder
	engine  *engine.Engine
	options Options
}

// job is one case: what it is called and what compares it.
type job struct {
	name string
	run  func(ctx context.Context) ([]Result, error)
}

// Run runs what a folder holds and reports each comparison as it is made: golden cases of the network (format:
// golden/README.md of the specification) and files of the numbers that the released code computed for what surrounds it
// (release/README.md). It returns an error if one can not be run, after all others, not if a number is off: that is in the
// results.
func Run(ctx context.Context, e *engine.Engine, path string, o Options, report func(Result)) error {
	r := &runner{folder: &folder{path: path}, engine: e, options: o}
	jobs, err := r.jobs()
	if err != nil {
		return err
	}
	var failed []error
	for _, j := range jobs {
		results, err := j.run(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("selftest: %s: %w", j.name, ctx.Err())
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s can not be run: %w", j.name, err))
			continue
		}
		results = slices.DeleteFunc(results, func(r Result) bool { return math.IsInf(r.Allowed, 1) }) // groups of nothing
		if len(results) == 0 {
			failed = append(failed, fmt.Errorf("selftest: %s holds nothing to compare", j.name))
		}
		for _, result := range results {
			report(result)
		}
	}
	return errors.Join(failed...)
}

// jobs lists what the folder holds.
func (r *runner) jobs() ([]job, error) {
	var jobs []job
	selected := func(name string) bool { return strings.Contains(name, r.options.Case) }
	known := false
	for _, f := range releaseFiles {
		if !exists(filepath.Join(r.folder.path, f.name)) {
			continue
		}
		known = true
		if stem := stemOf(f.name); selected(stem) {
			jobs = append(jobs, job{stem, func(ctx context.Context) ([]Result, error) { return f.run(r, ctx, f.name) }})
		}
	}
	if exists(filepath.Join(r.folder.path, "config.json")) || !known {
		if err := r.folder.readConfig(); err != nil {
			if !known {
				err = fmt.Errorf("%w; nor is there any of %s", err, fileNames())
			}
			return nil, err
		}
		for _, kind := range []struct {
			prefix string
			run    func(context.Context, string) ([]Result, error)
		}{{"fwd_", r.forward}, {"train_", r.training}, {"rollout_", r.rollout}} {
			stems, err := r.folder.cases(kind.prefix)
			if err != nil {
				return nil, err
			}
			for _, stem := range stems {
				if selected(stem) {
					jobs = append(jobs, job{stem, func(ctx context.Context) ([]Result, error) { return kind.run(ctx, stem) }})
				}
			}
		}
	}
	if len(jobs) == 0 {
		return nil, fmt.Errorf("selftest: %s holds no case named *%s*; expected fwd_*.json, train_*.json or rollout_*.json, or one of %s",
			r.folder.path, r.options.Case, fileNames())
	}
	return jobs, nil
}
