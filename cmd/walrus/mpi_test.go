//go:build mpi

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/train"
)

// asWalrus makes the test's own program the command, so that the ranks of these tests run what was just built.
const asWalrus = "WALRUS_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asWalrus) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// onRanks is walrus under mpirun; with one rank without it.
func onRanks(ranks int, arguments ...string) *exec.Cmd {
	program := []string{os.Args[0]}
	if ranks > 1 {
		launch := []string{"mpirun", "--allow-run-as-root", "--oversubscribe", "-n", strconv.Itoa(ranks)}
		program = append(launch, program...)
	}
	program = append(program, arguments...)
	cmd := exec.Command(program[0], program[1:]...)
	cmd.Env = append(os.Environ(), asWalrus+"=1", "OMPI_MCA_rmaps_base_oversubscribe=1")
	return cmd
}

// mustRun runs walrus on ranks and returns what it prints.
func mustRun(t *testing.T, ranks int, arguments ...string) string {
	t.Helper()
	var out, errors bytes.Buffer
	cmd := onRanks(ranks, arguments...)
	cmd.Stdout, cmd.Stderr = &out, &errors
	if err := cmd.Run(); err != nil {
		t.Fatalf("%d ranks: %v: %v\n%s", ranks, arguments, err, errors.String())
	}
	return out.String()
}

// simulated is a small data set, made by two ranks.
func simulated(t *testing.T, ranks int) string {
	t.Helper()
	folder := t.TempDir()
	mustRun(t, ranks, "simulate", "gray_scott_reaction_diffusion", "--out", folder, "--grid", "16x16", "--steps", "8", "--trajectories", "6", "--splits", "0.7,0.15,0.15")
	return filepath.Join(folder, "gray_scott_reaction_diffusion")
}

// recipe is what all trainings of these tests share: six steps of two batches of four samples.
func recipe(data, out string, more ...string) []string {
	list := []string{"train"}
	for _, set := range append([]string{
		"data.sets=[{path: " + data + "}]", "out=" + out, "model={preset: tiny, hidden: 16, intermediate: 4, heads: 2, blocks: 2, tokens: 8, vocabulary: data}",
		"data.history=3", "data.batch=4", "data.accumulation=2", "data.max_stride=1", "log_every=1", "optimizer.clip=0.5",
		"schedule={learning_rate: 0.002, epochs: 3, steps_per_epoch: 2, warmup_epochs: 1, cooldown_epochs: 1}", "validation={every: 3, batches: 1}",
	}, more...) {
		list = append(list, "--set", set)
	}
	return list
}

// losses reads a run's log.
func losses(t *testing.T, folder string) []float64 {
	t.Helper()
	rows, err := train.ReadLog(folder)
	if err != nil {
		t.Fatal(err)
	}
	list := make([]float64, len(rows))
	for i, r := range rows {
		list[i] = r.Loss
	}
	return list
}

// compareLosses compares two logs up to the order of additions.
func compareLosses(t *testing.T, what string, got, want []float64) {
	t.Helper()
	const tolerance = 2e-4
	if len(got) != len(want) {
		t.Errorf("%s: %d steps, want %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance*math.Abs(want[i])) {
			t.Errorf("%s: step %d: loss %v, want %v", what, i+1, got[i], want[i])
		}
	}
}

func TestMPISimulatesTheSameFiles(t *testing.T) {
	one, three := simulated(t, 1), simulated(t, 3)
	files, err := filepath.Glob(filepath.Join(one, "data", "*", "*.hdf5"))
	if err != nil || len(files) != 6 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range append(files, filepath.Join(one, "stats.yaml")) {
		relative, err := filepath.Rel(one, path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(three, relative)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs between one rank and three (%v)", relative, err)
		}
	}
	statistics := filepath.Join(t.TempDir(), "stats.yaml")
	mustRun(t, 2, "data", "stats", one, "--out", statistics)
	want, _ := os.ReadFile(filepath.Join(one, "stats.yaml"))
	if got, err := os.ReadFile(statistics); err != nil || !bytes.Equal(got, want) {
		t.Errorf("statistics of two ranks:\n%s\nof one:\n%s%v", got, want, err)
	}
}

func TestMPITrainsAsOneAndAnyNumberGoesOn(t *testing.T) {
	data := simulated(t, 2)
	run := func(ranks int, more ...string) string {
		out := filepath.Join(t.TempDir(), "run")
		mustRun(t, ranks, recipe(data, out, more...)...)
		return out
	}
	one := run(1)
	want := losses(t, one)
	if len(want) != 6 {
		t.Fatalf("%d rows", len(want))
	}
	two, sharded := run(2), run(2, "shard=2")
	compareLosses(t, "two ranks", losses(t, two), want)
	compareLosses(t, "two ranks that share moments", losses(t, sharded), want)
	if again := losses(t, run(2)); fmt.Sprint(again) != fmt.Sprint(losses(t, two)) {
		t.Errorf("two ranks twice: %v and %v", again, losses(t, two))
	}
	metrics := func(folder string) (last train.Metrics) {
		text, err := os.ReadFile(filepath.Join(folder, train.MetricsFile))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || len(lines) != 6 {
			t.Errorf("%d lines of metrics, %v", len(lines), err)
		}
		return last
	}
	whole, half := metrics(two), metrics(sharded)
	if half.Moments > whole.Moments/2+1024 || whole.Ranks != 2 || !(whole.Total > 0) {
		t.Errorf("moments of %d bytes, sharded %d; %+v", whole.Moments, half.Moments, whole)
	}
	// Four ranks, then two, then one.
	out := filepath.Join(t.TempDir(), "run")
	mustRun(t, 4, recipe(data, out, "shard=2", "schedule.epochs=1", "schedule.warmup_epochs=0", "schedule.cooldown_epochs=0", "schedule.warmup_factor=0.5")...)
	mustRun(t, 2, "train", "--resume", out, "--set", "schedule.epochs=2")
	mustRun(t, 1, "train", "--resume", out, "--set", "schedule.epochs=3")
	same := run(1, "schedule.warmup_epochs=0", "schedule.cooldown_epochs=0", "schedule.warmup_factor=0.5")
	compareLosses(t, "4, 2 and 1 ranks", losses(t, out), losses(t, same))
	// The run of several is an ordinary one, and several score as one.
	score := func(ranks int) string {
		return mustRun(t, ranks, "eval", sharded, data, "--json", "--windows", "all", "--first", "-1", "--split", "test,valid", "--physics")
	}
	if alone, together := score(1), score(3); alone != together || !strings.Contains(alone, `"prediction"`) {
		t.Errorf("scores of three ranks:\n%s\nof one:\n%s", together, alone)
	}
}

// Two ranks of two devices each are four devices; with the tags mpi and xla together, and a plugin, those of XLA too.
func TestMPIRanksOfSeveralDevicesTrainAsOne(t *testing.T) {
	data := simulated(t, 1)
	engines := []string{"cpu:devices=2"}
	if plugin := os.Getenv("WALRUS_TEST_PJRT_PLUGIN"); plugin != "" && engine.HasXLA() {
		engines = append(engines, "xla:"+plugin)
	}
	run := func(ranks int, more ...string) []float64 {
		out := filepath.Join(t.TempDir(), "run")
		mustRun(t, ranks, recipe(data, out, append([]string{"data.batch=8", "validation.every=0"}, more...)...)...)
		return losses(t, out)
	}
	want := run(1)
	for _, e := range engines {
		compareLosses(t, "two ranks of two devices, "+e, run(2, "engine="+e, "devices=2"), want)
		compareLosses(t, "the same, which share moments and batches, "+e, run(2, "engine="+e, "devices=2", "shard=2"), want)
	}
}

// Every rank has whole batches here, so that batch norms see what they see in one process, and running averages follow the mean over
// all of them.
func TestMPITrainsBatchNormsAsOne(t *testing.T) {
	data := simulated(t, 1)
	run := func(ranks int) string {
		out := filepath.Join(t.TempDir(), "run")
		mustRun(t, ranks, recipe(data, out, "model={kind: unet, hidden: 2}", "data.rotation=plane")...)
		return out
	}
	one, two := run(1), run(2)
	compareLosses(t, "two ranks", losses(t, two), losses(t, one))
	want, err := checkpoint.LoadRun(one)
	if err != nil {
		t.Fatal(err)
	}
	got, err := checkpoint.LoadRun(two)
	if err != nil {
		t.Fatal(err)
	}
	averages := 0
	for i, p := range want.Parameters {
		if !strings.Contains(p.Name, ".running_") {
			continue
		}
		averages++
		for k, x := range p.Value {
			if y := got.Parameters[i].Value[k]; !(math.Abs(float64(y-x)) <= 1e-4*(1e-2+math.Abs(float64(x)))) {
				t.Errorf("%s, number %d: %v on two ranks, %v on one", p.Name, k, y, x)
			}
		}
	}
	if averages != 36 {
		t.Errorf("%d running averages, want 36", averages)
	}
}

// waitFor waits until a file has something in it.
func waitFor(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			return
		}
	}
	t.Fatalf("%s did not come", path)
}

// ranksOf lists the processes of a run by their rank.
func ranksOf(t *testing.T, out string) map[int]int {
	t.Helper()
	found := map[int]int{}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		arguments, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		environment, _ := os.ReadFile(filepath.Join(p, "environ"))
		if !bytes.Contains(arguments, []byte("out="+out)) {
			continue
		}
		for _, variable := range strings.Split(string(environment), "\x00") {
			if number, is := strings.CutPrefix(variable, "OMPI_COMM_WORLD_RANK="); is {
				rank, _ := strconv.Atoi(number)
				found[rank], _ = strconv.Atoi(filepath.Base(p))
			}
		}
	}
	return found
}

func TestMPIEndsWhenARankDiesOrHangs(t *testing.T) {
	data := simulated(t, 2)
	for _, c := range []struct {
		signal syscall.Signal
		want   string
	}{
		{syscall.SIGSTOP, "rank 1 on "},
		{syscall.SIGKILL, "signal 9"},
	} {
		out := filepath.Join(t.TempDir(), "run")
		arguments := append(recipe(data, out, "schedule.epochs=1000", "schedule.steps_per_epoch=100", "checkpoint.minutes=0.001"), "--peer-timeout", "5s")
		cmd := onRanks(2, arguments...)
		var text bytes.Buffer
		cmd.Stdout, cmd.Stderr = &text, &text
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, filepath.Join(out, "last", "state.json"))
		ranks := ranksOf(t, out)
		if len(ranks) != 2 {
			t.Fatalf("ranks %v", ranks)
		}
		began := time.Now()
		if err := syscall.Kill(ranks[1], c.signal); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case err := <-done:
			if err == nil || !strings.Contains(text.String(), c.want) {
				t.Errorf("%v: %v; it says\n%s", c.signal, err, text.String())
			}
			t.Logf("%v: ended after %v", c.signal, time.Since(began))
		case <-time.After(2 * time.Minute):
			cmd.Process.Kill()
			t.Errorf("%v: the run goes on", c.signal)
		}
		if left := ranksOf(t, out); len(left) > 0 {
			t.Errorf("%v: processes %v are left", c.signal, left)
		}
		if unfinished, _ := filepath.Glob(filepath.Join(out, "*.new")); len(unfinished) > 0 {
			t.Errorf("%v: left %v", c.signal, unfinished)
		}
		mustRun(t, 1, "eval", out, data, "--windows", "none", "--sample", "1", "--split", "test") // the last checkpoint is whole
	}
}

func TestMPIStopsTogetherAndGoesOn(t *testing.T) {
	data := simulated(t, 2)
	out := filepath.Join(t.TempDir(), "run")
	cmd := onRanks(2, recipe(data, out, "schedule.epochs=1000", "schedule.steps_per_epoch=100")...)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if rows, err := train.ReadLog(out); err == nil && len(rows) > 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no steps")
		}
	}
	if err := syscall.Kill(ranksOf(t, out)[1], syscall.SIGUSR1); err != nil { // one of them is enough
		t.Fatal(err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitStopped || !strings.Contains(text.String(), "stopped and saved after step") {
		t.Fatalf("%v; it says\n%s", err, text.String())
	}
	rows, err := train.ReadLog(out)
	if err != nil {
		t.Fatal(err)
	}
	stopped := rows[len(rows)-1].Step
	mustRun(t, 2, "train", "--resume", out, "--set", "schedule.epochs=2", "--set", fmt.Sprintf("schedule.steps_per_epoch=%d", stopped/2+1), "--set", "validation.every=0")
	if went := losses(t, out); len(went) != 2*(stopped/2+1) {
		t.Errorf("stopped after step %d, went on to %d, want %d", stopped, len(went), 2*(stopped/2+1))
	}
}

// The batch script of docs/cluster.md under daemons of a real Slurm, which the check brings up and ends.
func TestMPIUnderSlurmIsRequeuedAtItsTimeLimit(t *testing.T) {
	cmd := exec.Command("../../scripts/slurm/check.sh", t.TempDir())
	cmd.Env = append(os.Environ(), asWalrus+"=1", "WALRUS="+os.Args[0])
	text, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		t.Errorf("%v; it says\n%s", err, text)
	case bytes.Contains(text, []byte("slurm check: skipped")):
		t.Skipf("%s", text)
	case !bytes.Contains(text, []byte("went on by itself and completed")):
		t.Errorf("it says\n%s", text)
	}
}

func TestMPIRanksThatDifferRefuse(t *testing.T) {
	data := simulated(t, 2)
	out := filepath.Join(t.TempDir(), "run")
	// Two programs of one launch, with seeds of their own.
	own := func(seed string) []string {
		return append([]string{"-n", "1", os.Args[0]}, recipe(data, out, "seed="+seed)...)
	}
	arguments := append([]string{"--allow-run-as-root", "--oversubscribe"}, own("1")...)
	arguments = append(append(arguments, ":"), own("2")...)
	cmd := exec.Command("mpirun", arguments...)
	cmd.Env = append(os.Environ(), asWalrus+"=1")
	text, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(text), "seed is 2 on rank 1 of 2") {
		t.Errorf("%v; it says\n%s", err, text)
	}
}
