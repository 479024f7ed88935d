package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/well"
)

// protocolFlags say what of the data is scored, and by what.
type protocolFlags struct {
	split    string
	first    int
	stride   int
	windows  string
	metrics  string
	epsilon  float64
	sample   int
	resample string
}

// addProtocol registers the flags.
func (f *protocolFlags) addProtocol(cmd *cobra.Command) {
	flags, usual := cmd.Flags(), score.DefaultProtocol()
	flags.StringVar(&f.split, "split", strings.Join(usual.Splits, ","), "train, valid or test, or several to pool, as valid,test; data without splits is scored as it is")
	flags.IntVar(&f.first, "first", usual.First, "first predicted frame of the rollouts, in frames of the data; -1 for right after a history from frame 0, the longest of several models")
	flags.IntVar(&f.stride, "stride", 0, "take every N-th frame of the data as a step (default the smallest of the training)")
	flags.StringVar(&f.windows, "windows", windowsText(usual.Windows), "steps of the rollouts to average over, counted from 1; all for all of them, log for the released reports' windows, none for no rollouts")
	flags.StringVar(&f.metrics, "metric", usual.Metrics[0].Key, "list of "+metric.Keys())
	flags.Float64Var(&f.epsilon, "epsilon", metric.ValidationEpsilon, "keeps nrmse, nmse, nmae and pearson finite where the truth is flat; vrmse, vmse and spectral always have 1e-7")
	flags.IntVar(&f.sample, "sample", 0, "a quick look: only so many windows and trajectories of each data set, at random (default all)")
	flags.StringVar(&f.resample, "resample", "", "interpolate the data to this grid first, as 128x128, and score on it (default as in training)")
}

// windowsText writes windows as the flag has them.
func windowsText(windows []score.Window) string {
	var texts []string
	for _, w := range windows {
		texts = append(texts, w.String())
	}
	return strings.Join(texts, ",")
}

// released is the release's protocol with the windows, the first frame and the metrics of the flags.
func (f protocolFlags) released() (score.Protocol, error) {
	p := score.DefaultProtocol()
	if err := p.ParseWindows(f.windows); err != nil {
		return p, usageError{err}
	}
	p.First = f.first
	var err error
	if p.Metrics, err = metric.Parse(f.metrics, f.epsilon); err != nil {
		return p, usageError{err}
	}
	return p, nil
}

// check refuses numbers that can not be.
func (f protocolFlags) check() error {
	if !(f.epsilon >= 0) || f.sample < 0 || f.stride < 0 {
		return usagef("--epsilon %g, --sample %d, --stride %d; expected none to be negative", f.epsilon, f.sample, f.stride)
	}
	return nil
}

// splitOf is what to open of data: empty for data without splits, unless one was asked for.
func (f protocolFlags) splitOf(cmd *cobra.Command, path string) string {
	if len(well.SplitsOf(path)) > 0 || cmd.Flags().Changed("split") {
		return f.split
	}
	return ""
}
