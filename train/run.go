package train

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/ranks"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// RunConfigFile is the configuration in a run's folder, overrides included: what --resume reads.
const RunConfigFile = "train.yaml"

// loopNote is the name of the loop's state among a checkpoint's notes.
const loopNote = "loop"

// Observer is told what happens in a run. The functions may be nil.
type Observer struct {
	Progress func(Progress)
	Scored   func(State, []Score)
	Saved    func(State, string)
	// Compiling hears of programs that take a while to compile (engine.Options).
	Compiling func(program string, took time.Duration, done bool)
}

// Run is a training run with all its parts open: data, engine, network, optimizer and logs.
type Run struct {
	config   Config
	engine   *engine.Engine
	data     *sources
	scored   map[string]*sources // by split
	stepper  *Stepper
	saved    checkpoint.Config
	part     *checkpoint.Part // what checkpoints hold beside the trained weights; nil where all are trained
	loop     Loop
	state    State
	logs     []io.Closer
	lock     *os.File // held while the run is open
	observer Observer
	ranks    *ranks.Group // the processes that train together
	layout   layout
	team     *team           // nil alone
	shown    []shownForecast // of the validation that is going on, for TensorBoard
	asked    context.Context // ends when this process is asked to stop; where several train
}

// mayChange are the keys that a resumed run may be told anew; the others make what was trained.
var mayChange = []string{"schedule", "data.sets", "data.prefetch", "checkpoint", "validation", "log_every", "tensorboard", "engine", "precision", "devices", "shard", "reduce", "finetune.from"}

// ReadRunConfig reads the configuration of a run that exists, with overrides of what a run may change on its way. Paths of
// data that are relative count from where the run was started if they lead nowhere from here.
func ReadRunConfig(folder string, overrides ...string) (Config, error) {
	for _, o := range overrides {
		key, _, _ := strings.Cut(o, "=")
		if !slices.ContainsFunc(mayChange, func(k string) bool { return key == k || strings.HasPrefix(key, k+".") }) {
			return Config{}, fmt.Errorf("train: --set %s: a run that is resumed keeps its %s; what may change is %s", o, key, strings.Join(mayChange, ", "))
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, RunConfigFile))
	if err != nil {
		return Config{}, fmt.Errorf("train: %w (is %s the folder of a run?)", err, folder)
	}
	c, err := ParseConfig(text, overrides)
	if err != nil {
		return c, err
	}
	if here, err := filepath.Abs(folder); err == nil && !filepath.IsAbs(c.Out) {
		if start, inside := strings.CutSuffix(here, string(filepath.Separator)+filepath.Clean(c.Out)); inside {
			for i, set := range c.Data.Sets {
				if there := filepath.Join(start, set.Path); !filepath.IsAbs(set.Path) && !found(set.Path) && found(there) {
					c.Data.Sets[i].Path = there
				}
			}
		}
	}
	c.Out = folder // a run's folder may have been moved
	return c, nil
}

// found reports whether a path stands for anything.
func found(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Open prepares a run: a new one, or with resume the one in the configuration's folder, at its last checkpoint.
func Open(c Config, resume bool, o Observer) (*Run, error) {
	return OpenTogether(ranks.Alone(), c, resume, o)
}

// OpenTogether is Open for a process of a group that trains together: all of its members call it, with the same arguments. The
// first one writes the run's folder, which all can read.
func OpenTogether(g *ranks.Group, c Config, resume bool, o Observer) (*Run, error) {
	r := &Run{config: c, observer: o, ranks: g}
	if err := r.begin(resume); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Run) open(resume bool) error {
	c := r.config
	told, err := yaml.Marshal(c) // before what follows from the data is filled in
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	if err := c.Check(); err != nil {
		return err
	}
	c.Schedule = c.schedule()
	if !resume { // a run that is resumed has written down what it took over
		if c, err = c.inherit(); err != nil {
			return err
		}
	}
	r.config = c
	if err = r.takeFolder(resume); err != nil {
		return err
	}
	if r.data, err = openSources(c, trainSplit, c.Data.MinStride, c.Data.MaxStride); err != nil {
		return err
	}
	if c.Schedule, err = r.data.schedule(c); err != nil {
		return err
	}
	c.Data.Sets = r.data.sets
	r.config = c
	if err = r.shareOut(); err != nil {
		return err
	}
	if err = r.openScored(); err != nil {
		return err
	}
	if r.engine, err = openEngine(c, r.ranks, r.observer); err != nil {
		return err
	}
	if err = r.openNetwork(resume); err != nil {
		return err
	}
	// What will be saved has to be valid now: at the first save it would cost the work until then.
	if _, err := r.saved.YAML(); err != nil {
		return fmt.Errorf("train: these settings could not be saved: %w", err)
	}
	vocabulary, err := sample.NewVocabulary(r.saved.Fields)
	if err != nil {
		return err
	}
	if err = r.openLoop(vocabulary); err != nil {
		return err
	}
	if err = r.openMeter(); err != nil || !r.ranks.First() {
		return err
	}
	if err = r.openLogs(); err == nil && resume { // all that was told anew works
		err = r.writeConfig(told)
	}
	return err
}

// openScored opens the splits that are scored: the one of the validation, and the split test if every data set has one.
func (r *Run) openScored() error {
	c := r.config
	r.scored = map[string]*sources{}
	if c.Validation.Every == 0 && c.Validation.RolloutEvery == 0 {
		return nil
	}
	valid, err := openSources(c, c.Validation.Split, c.Data.MinStride, c.Data.MinStride)
	if err != nil {
		return fmt.Errorf("%w; set validation.every=0 to train without validation", err)
	}
	r.scored[c.Validation.Split] = valid
	for _, set := range c.Data.Sets {
		if _, err := well.FindFiles(set.Path, testSplit, well.Options{Include: set.Include, Exclude: set.Exclude}); err != nil {
			return nil
		}
	}
	if c.Validation.Test && c.Validation.Split != testSplit {
		r.scored[testSplit], err = openSources(c, testSplit, c.Data.MinStride, c.Data.MinStride)
	}
	return err
}

// takeFolder makes the run's folder that of this process, if it is the one that writes.
func (r *Run) takeFolder(resume bool) error {
	if !r.ranks.First() {
		return nil
	}
	out := r.config.Out
	if err := os.MkdirAll(out, 0o777); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	lock, err := lockFolder(out)
	if err != nil {
		return err
	}
	r.lock = lock
	return r.prepareFolder(resume)
}

// prepareFolder refuses to mix two runs in one folder and writes down what this one is.
func (r *Run) prepareFolder(resume bool) error {
	out := r.config.Out
	_, err := checkpoint.FindConfig(out)
	if exists := err == nil; exists && !resume {
		return fmt.Errorf("train: %s holds a run already; go on with --resume %s, or choose another folder with --set out=FOLDER", out, out)
	}
	if resume {
		return nil
	}
	text, err := yaml.Marshal(r.config)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return r.writeConfig(text)
}

// writeConfig writes down what the run is.
func (r *Run) writeConfig(text []byte) error {
	f, err := atomicfile.Create(filepath.Join(r.config.Out, RunConfigFile))
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	defer f.Discard()
	if _, err = f.Write(text); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return f.Commit()
}

// openNetwork makes the network and the optimizer, or takes them from the last checkpoint.
func (r *Run) openNetwork(resume bool) error {
	c := r.config
	if resume {
		var err error
		if r.ranks.First() {
			err = checkpoint.FinishSave(c.Out, c.Checkpoint.Keep)
		}
		if err = r.ranks.Agree(err); err != nil {
			return fmt.Errorf("train: --resume: %w", err)
		}
		state, err := checkpoint.LoadRun(c.Out)
		if err != nil {
			return fmt.Errorf("train: --resume: %w", err)
		}
		if err = json.Unmarshal([]byte(state.Notes[loopNote]), &r.state); err != nil {
			return fmt.Errorf("train: --resume: the checkpoint in %s was not made by a training run: %w", c.Out, err)
		}
		r.saved, r.part = state.Config, state.Part
		r.stepper, err = restore(r.engine, state, c.optimizer(), c.Model.Recompute, c.Finetune, r.team)
		return cmp.Or(err, r.checkGroups())
	}
	names, err := r.data.names()
	if err != nil {
		return err
	}
	position, err := positionGrid(context.Background(), r.data, names, c)
	if err != nil {
		return err
	}
	var n *network.Network
	var saved checkpoint.Config
	if c.Model.IsBaseline() && c.Finetune.From == "" {
		n, saved, err = newBaseline(r.engine, c, r.data, names)
	} else {
		n, saved, err = newNetwork(r.engine, c, names, position)
	}
	if err != nil {
		return err
	}
	r.saved = saved
	r.stepper, err = newStepper(n, c.optimizer(), c.Model.Recompute, r.team)
	if err = cmp.Or(err, r.checkGroups(), c.Finetune.checkNames(n.Config)); err != nil {
		return err
	}
	r.part, err = c.Finetune.part(n.Config, saved, c.Seed)
	return err
}

// checkGroups refuses groups of weights that this network does not have.
func (r *Run) checkGroups() error {
	if r.stepper == nil {
		return nil
	}
	var names []string
	for _, w := range r.stepper.Network.Weights() {
		if !w.Buffer {
			names = append(names, w.Name)
		}
	}
	return r.config.Optimizer.Groups.checkNames(names)
}

// openLoop joins data and network.
func (r *Run) openLoop(vocabulary *sample.Vocabulary) error {
	r.stepper.Loss = r.config.Loss
	c := r.config
	options := sample.Options{Seed: c.Seed, Rotation: c.Data.Rotation, Reflections: c.Data.Reflections, Unturned: c.Data.Unturned}
	if !c.Data.Recycle {
		options.Epoch = uint64(c.schedule().EpochSteps * c.Data.Accumulation)
	}
	sampler, err := sample.New(r.data.entries, vocabulary, options)
	if err != nil {
		return err
	}
	r.loop = Loop{
		Network: stepNetwork{r.stepper, c.Frame(), c.Model.JitterOn(), c.Model.FieldDrop},
		Batches: sampler, Schedule: c.Schedule, Seed: c.Seed,
		Accumulation: r.layout.own(), Number: r.layout.number, Prefetch: c.Data.Prefetch, LogEvery: c.LogEvery,
		SaveEvery: time.Duration(c.Checkpoint.Minutes * float64(time.Minute)), KeepEvery: c.Checkpoint.Every,
		KeepBest: c.Checkpoint.Best && c.Validation.Every > 0,
		Save:     r.save, Note: r.note, Progress: r.progress, Clock: r.clock,
		LookAhead: engine.IsXLA(r.engine.String()) && r.team == nil,
	}
	if len(r.scored) == 0 {
		return nil
	}
	// The network is scored as it will be used once it is saved, but without jitter: one deterministic number.
	m, err := surrogate.New(r.stepper.Network, r.saved, surrogate.Options{NoJitter: true})
	if err != nil {
		return err
	}
	validators := map[string]*validator{}
	for split, s := range r.scored {
		if validators[split], err = newValidator(s, m, c.Validation); err != nil {
			return err
		}
		if c.TensorBoard {
			validators[split].show = func(t Task, f score.Forecast) { r.shown = append(r.shown, shownForecast{t, f}) }
		}
	}
	r.loop.ValidEvery, r.loop.RolloutEvery, r.loop.Split = c.Validation.Every, c.Validation.RolloutEvery, c.Validation.Split
	r.loop.Test = r.scored[testSplit] != nil && c.Validation.Split != testSplit
	r.loop.Validate = func(ctx context.Context, t Task, full bool) ([]Score, error) {
		v := validators[t.Split]
		if v == nil { // a resumed run that has changed its mind
			return nil, fmt.Errorf("split %q is not open", t.Split)
		}
		return r.scores(ctx, v, t, full)
	}
	return nil
}

func (r *Run) openLogs() error {
	log, err := OpenLog(filepath.Join(r.config.Out, LogFile), r.state.Step)
	if err != nil {
		return err
	}
	r.logs = append(r.logs, log)
	r.loop.Log = log.Row
	board, err := r.openBoard()
	if err != nil {
		return err
	}
	if len(r.scored) == 0 {
		return nil
	}
	scores, err := OpenValidation(filepath.Join(r.config.Out, ValidationFile), r.state)
	if err != nil {
		return err
	}
	r.logs = append(r.logs, scores)
	r.loop.Scored = func(s State, list []Score) error {
		if r.observer.Scored != nil {
			r.observer.Scored(s, list)
		}
		return errors.Join(scores.Scores(s.Step, list), board.scores(s.Step, list))
	}
	return nil
}

// State is where the run stands.
func (r *Run) State() State { return r.state }

// Network is the network that is trained.
func (r *Run) Network() *network.Network { return r.stepper.Network }

// Steps is the number of steps of the whole run.
func (r *Run) Steps() int { return r.config.Schedule.Steps() }

// EndsRate is what encoder and decoder learn with, in learning rates of the rest, as the configuration or the advice of the weights has it; 0 where it
// is the same.
func (r *Run) EndsRate() float64 { return r.config.Finetune.ownEndsRate() }

// Train goes on to the end of the schedule, or until ctx ends; then it saves and returns the context's error.
func (r *Run) Train(ctx context.Context) error {
	if err := r.ranks.Agree(r.compile(ctx)); err != nil {
		return err
	}
	ctx, cancel := r.stopTogether(ctx)
	defer cancel()
	var err error
	r.state, err = r.loop.Run(ctx, r.state)
	return err
}

// progress adds to the loop's progress what only the engine knows.
func (r *Run) progress(p Progress) {
	if r.observer.Progress != nil && r.ranks.First() {
		p.Compile = r.engine.CompileTime()
		r.observer.Progress(p)
	}
}

// save writes a checkpoint: an ordinary one, however many ranks had parts of it.
func (r *Run) save(_ context.Context, s State, names []string) error {
	state, err := r.stepper.save(r.saved, r.part)
	if err == nil && r.ranks.First() {
		err = r.write(state, s, names)
	}
	return r.ranks.Agree(err)
}

// write puts a checkpoint on disk.
func (r *Run) write(state checkpoint.State, s State, names []string) (err error) {
	if state.Notes, err = notes(s); err != nil {
		return err
	}
	state.Step, state.Epoch = s.Step, s.Step/r.config.Schedule.EpochSteps
	path, err := checkpoint.SaveRun(r.config.Out, state, r.config.Checkpoint.Keep, names...)
	if err == nil && r.observer.Saved != nil {
		r.observer.Saved(s, path)
	}
	return err
}

// note writes the loop's state into the last checkpoint, which holds the same weights.
func (r *Run) note(s State) error {
	if !r.ranks.First() {
		return nil
	}
	text, err := notes(s)
	if err != nil {
		return err
	}
	return checkpoint.SetNotes(filepath.Join(r.config.Out, checkpoint.Last), text)
}

// notes are the loop's state among a checkpoint's notes.
func notes(s State) (map[string]string, error) {
	text, err := json.Marshal(s)
	return map[string]string{loopNote: string(text)}, err
}

// Close closes data, logs and engine.
func (r *Run) Close() error {
	var failed error
	if r.lock != nil {
		defer r.lock.Close() // nothing was written to it
	}
	for _, l := range r.logs {
		failed = errors.Join(failed, l.Close())
	}
	if r.data != nil {
		failed = errors.Join(failed, r.data.Close())
	}
	for _, s := range r.scored {
		if s != nil {
			failed = errors.Join(failed, s.Close())
		}
	}
	if r.stepper != nil {
		r.stepper.Network.Close()
	}
	if r.engine != nil {
		r.engine.Close()
	}
	return failed
}

// stepNetwork is the loop's view of a stepper.
type stepNetwork struct {
	stepper   *Stepper
	frame     frame.Options
	jitter    bool
	fieldDrop float64
}

// Step makes one optimizer step from batches.
func (n stepNetwork) Step(ctx context.Context, draws []Draw, rate float64) (Outcome, error) {
	examples, err := n.examples(draws)
	if err != nil {
		return Outcome{}, err
	}
	return n.stepper.Step(ctx, examples, rate)
}

// Prepare takes batches to the device.
func (n stepNetwork) Prepare(_ context.Context, draws []Draw) (stepFunction, func(), error) {
	examples, err := n.examples(draws)
	if err != nil {
		return nil, nil, err
	}
	p, err := n.stepper.Prepare(examples)
	if err != nil {
		return nil, nil, err
	}
	begin := func(ctx context.Context, rate float64) (func() (Outcome, error), error) {
		b, err := p.Begin(ctx, rate)
		if err != nil {
			return nil, err
		}
		return b.Outcome, nil
	}
	return begin, p.Free, nil
}

// examples makes examples of batches, with the random draws of each.
func (n stepNetwork) examples(draws []Draw) ([]Example, error) {
	config := n.stepper.Network.Config
	examples := make([]Example, len(draws))
	for i, d := range draws {
		data, err := network.DataOf(d.Batch, drawLayout(d.Batch, n.frame, d.Random))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.Batch.DataSet, err)
		}
		examples[i] = Example{Data: data, Input: d.Batch.Input, Output: d.Batch.Output, Constant: d.Batch.Constant, Origins: d.Batch.Origins}
		if n.jitter {
			examples[i].Rolls = data.Geometry.Draw(d.Random, config.Blocks)
		}
		examples[i].KeepFields = DrawFields(n.fieldDrop, d.Random, d.Batch.Input.Shape[0], len(data.Fields))
		examples[i].Keep = DrawKeep(config, d.Random, d.Batch.Input.Shape[0], d.Batch.Input.Shape[1])
	}
	return n.stepper.team.share(examples), nil
}
