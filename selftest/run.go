package selftest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gowalrus/walrus/engine"
)

// runner runs the cases of a folder on an engine.
type runner struct {
	folder *folder
	engine *engine.Engine
}

// Run runs the cases of a folder (format: golden/README.md of the specification) whose name contains a string and reports
// each comparison as it is made. It returns an error if a case can not be run, after all others, not if a number is off: that
// is in the results.
func Run(ctx context.Context, e *engine.Engine, path, containing string, report func(Result)) error {
	f, err := openFolder(path)
	if err != nil {
		return err
	}
	r := &runner{folder: f, engine: e}
	found := false
	var failed []error
	for _, kind := range []struct {
		prefix string
		run    func(context.Context, string) ([]Result, error)
	}{{"fwd_", r.forward}, {"train_", r.training}, {"rollout_", r.rollout}} {
		stems, err := f.cases(kind.prefix)
		if err != nil {
			return err
		}
		for _, stem := range stems {
			if !strings.Contains(stem, containing) {
				continue
			}
			found = true
			results, err := kind.run(ctx, stem)
			if ctx.Err() != nil {
				return fmt.Errorf("selftest: %s: %w", stem, ctx.Err())
			}
			if err != nil {
				failed = append(failed, fmt.Errorf("%s can not be run: %w", stem, err))
				continue
			}
			for _, result := range results {
				report(result)
			}
		}
	}
	if !found {
		return fmt.Errorf("selftest: %s holds no case named *%s*; expected fwd_*.json, train_*.json or rollout_*.json", path, containing)
	}
	return errors.Join(failed...)
}
