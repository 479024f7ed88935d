//go:build campaign

package campaign

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gowalrus/walrus/checkpoint"
)

// command is a command that writes, as a user runs it in a folder of its own.
type command struct {
	name  string
	first []string // its arguments
	// again are the arguments to go on with after an interruption; nil for the same.
	again func(folder string) []string
	env   []string
	// whole checks what an interrupted run has left against the files of one that was not.
	whole func(folder string, reference map[string]string) error
}

// program builds the program once.
var program = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("WALRUS"); path != "" {
		return filepath.Abs(path)
	}
	path := filepath.Join(*home, "walrus")
	out, err := exec.Command("go", "build", "-o", path, root+"/cmd/walrus").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// start begins the program in a folder.
func start(t *testing.T, folder string, env, args []string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), env...)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &text
}

// run runs the program to its end, which is to come within a minute under any load.
func run(t *testing.T, folder string, env, args []string) (code int, text string) {
	t.Helper()
	cmd, out := start(t, folder, env, args)
	late := time.AfterFunc(3*time.Minute, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGQUIT) })
	defer late.Stop()
	_ = cmd.Wait() // the exit code says it
	return cmd.ProcessState.ExitCode(), out.String()
}

// crashed says whether a program's last words are those of a crash, or of a panic that was caught.
func crashed(text string) bool {
	for _, sign := range []string{"goroutine ", "panic:", "a fault of the program", "fatal error:", "SIGSEGV", "runtime error"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// inputs is what all commands read: a small data set, arrays, weights and a hub.
type inputs struct {
	folder string
	hub    *httptest.Server
}

// newInputs makes them.
func newInputs(t *testing.T) *inputs {
	t.Helper()
	in := &inputs{folder: t.TempDir()}
	if code, text := run(t, in.folder, nil, []string{"simulate", "gray_scott_reaction_diffusion", "--grid", "16x16", "--steps", "8", "--trajectories", "6", "--splits", "0.67,0.33,0", "--out", "data"}); code != 0 {
		t.Fatal(text)
	}
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(in.folder, name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("u.npy", npy(1, "<i2", false, 2, 60, 64, 64))
	write("description.yaml", []byte(strings.Replace(plainDescription, "missing: 0", "scale: 0.5", 1)))
	write("train.yaml", fmt.Appendf(nil, `model: {preset: tiny, hidden: 16, intermediate: 4, heads: 2, blocks: 1, tokens: 8, vocabulary: data}
data: {sets: [{path: %s/data/gray_scott_reaction_diffusion}], history: 2, batch: 1, max_stride: 1, normalization: dataset}
schedule: {learning_rate: 0.002, epochs: 4, steps_per_epoch: 3, warmup_epochs: 1, cooldown_epochs: 1}
validation: {batches: 1}
checkpoint: {minutes: 0.0001, keep: 2}
log_every: 2
out: run
`, in.folder))
	in.hub = hubOf(t)
	return in
}

// modelFiles are what the hub of these tests holds: one file in two pieces, and a small one.
func modelFiles() map[string][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	large := make([]byte, 33<<20)
	for i := range large {
		large[i] = byte(rng.Uint32())
	}
	return map[string][]byte{"toy.safetensors": large, "toy.yaml": []byte("model: {}\n")}
}

// hubOf serves a model as the hub does, not too fast.
func hubOf(t *testing.T) *httptest.Server {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	model := modelFiles()
	var listing []map[string]any
	for _, name := range slices.Sorted(maps.Keys(model)) {
		content := model[name]
		git := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content))
		entry := map[string]any{"type": "file", "path": name, "size": len(content), "oid": fmt.Sprintf("%x", git)}
		if len(content) > 1<<20 {
			entry["lfs"] = map[string]any{"oid": fmt.Sprintf("%x", sha256.Sum256(content)), "size": len(content)}
		}
		listing = append(listing, entry)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "/revision/"):
			fmt.Fprintf(w, `{"sha": %q}`, commit)
		case strings.Contains(r.URL.Path, "/tree/"):
			_ = json.NewEncoder(w).Encode(listing) // the client may have been killed
		default:
			http.ServeContent(&slowly{w}, r, "", time.Time{}, bytes.NewReader(model[filepath.Base(r.URL.Path)]))
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// slowly pauses between parts of an answer.
type slowly struct{ http.ResponseWriter }

func (w *slowly) Write(p []byte) (int, error) {
	time.Sleep(time.Duration(len(p)>>10) * 20 * time.Microsecond)
	return w.ResponseWriter.Write(p)
}

// commands are those that write.
func commands(in *inputs) []command {
	same := func(folder string, reference map[string]string) error {
		have, err := digests(folder)
		if err != nil {
			return err
		}
		for name, digest := range have {
			if unfinished(name) {
				continue
			}
			if want, known := reference[name]; !known || want != digest {
				return fmt.Errorf("%s is not what it is after an uninterrupted run (in that there is one: %v)", name, known)
			}
		}
		return nil
	}
	return []command{
		{name: "train", first: []string{"train", in.folder + "/train.yaml"}, again: func(folder string) []string {
			if _, err := checkpoint.FindConfig(filepath.Join(folder, "run")); err != nil {
				return []string{"train", in.folder + "/train.yaml"} // nothing was saved yet
			}
			return []string{"train", "--resume", "run"}
		}, whole: wholeRun},
		{name: "simulate", first: []string{"simulate", "gray_scott_reaction_diffusion", "--grid", "48x48", "--steps", "12", "--trajectories", "8", "--out", "data"}, whole: same},
		{name: "import", first: []string{"data", "import", in.folder + "/u.npy", "--config", in.folder + "/description.yaml", "--out", "out/new.hdf5", "--force"}, whole: same},
		{name: "convert", first: []string{"convert", "nano", "out"}, whole: same},
		{name: "download", first: []string{"download", "somebody/toy", "--endpoint", in.hub.URL}, env: []string{"HF_HUB_CACHE=cache", "HF_TOKEN="}, whole: same},
	}
}

// unfinished says whether a file's name is that of one that is being written.
func unfinished(name string) bool {
	base := filepath.Base(name)
	return strings.HasSuffix(base, ".tmp") || strings.HasSuffix(base, ".part") || strings.HasSuffix(base, ".pieces") || strings.HasSuffix(base, ".new") || base == ".lock"
}

// wholeRun checks every state that a run has saved, and its logs.
func wholeRun(folder string, _ map[string]string) error {
	run := filepath.Join(folder, "run")
	states, err := filepath.Glob(filepath.Join(run, "step-*"))
	if err != nil {
		return err
	}
	for _, path := range states {
		if _, err := checkpoint.LoadRun(path); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(run)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if _, err := checkpoint.LoadRun(filepath.Join(run, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Times of day and durations in what a run writes: they differ between any two runs.
var seconds = regexp.MustCompile(`\\?"seconds\\?": ?[-+.0-9e]+`)

// digests are the hashes of all files below a folder, without what depends on the clock; a link's is what it points to. Of the states of
// a run those count that have a name (last, best, epoch-4): when others are saved is for the clock to say.
func digests(folder string) (map[string]string, error) {
	all := map[string]string{}
	named := map[string]bool{}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		if e.Type()&fs.ModeSymlink != 0 {
			all[name], err = os.Readlink(path)
			named[filepath.Join(filepath.Dir(name), all[name])] = true
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		switch e.Name() {
		case "state.json":
			content = seconds.ReplaceAll(content, nil)
		case "log.csv":
			rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			for i := range rows {
				rows[i] = rows[i][:len(rows[i])-1]
			}
			content = fmt.Append(nil, rows)
		}
		all[name] = fmt.Sprintf("%x", sha256.Sum256(content))
		return nil
	})
	maps.DeleteFunc(all, func(name, _ string) bool {
		return strings.HasPrefix(filepath.Base(filepath.Dir(name)), "step-") && !named[filepath.Dir(name)]
	})
	return all, err
}

// reference runs a command without interruption, and gives what it wrote and how long it took.
func (c command) reference(t *testing.T) (map[string]string, time.Duration) {
	t.Helper()
	folder := t.TempDir()
	began := time.Now()
	if code, text := run(t, folder, c.env, c.first); code != 0 {
		t.Fatalf("%s: exit code %d: %s", c.name, code, text)
	}
	took := time.Since(began)
	files, err := digests(folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, again := run(t, folder, c.env, c.goOn(folder)); crashed(again) {
		t.Fatal(again)
	}
	return files, took
}

// goOn gives the arguments after an interruption.
func (c command) goOn(folder string) []string {
	if c.again == nil {
		return c.first
	}
	return c.again(folder)
}

// interrupt sends a signal to a command at a random moment; ended says that it was over before.
func (c command) interrupt(t *testing.T, folder string, args []string, within time.Duration, rng *rand.Rand, signal syscall.Signal) (code int, text string, ended bool, late time.Duration) {
	t.Helper()
	cmd, out := start(t, folder, c.env, args)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _ = cmd.Wait(); cancel() }()
	select {
	case <-time.After(time.Duration(rng.Int64N(int64(within)))):
	case <-ctx.Done():
		return cmd.ProcessState.ExitCode(), out.String(), true, 0
	}
	began := time.Now()
	_ = syscall.Kill(-cmd.Process.Pid, signal) // it may just have ended
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGQUIT)
		<-ctx.Done()
	}
	return cmd.ProcessState.ExitCode(), out.String(), false, time.Since(began)
}

// compare lists how two trees of files differ.
func compare(want, got map[string]string) (differences []string) {
	for name, digest := range want {
		if unfinished(name) {
			continue
		}
		if got[name] != digest {
			differences = append(differences, name)
		}
	}
	for name := range got {
		if _, known := want[name]; !known && filepath.Base(name) != ".lock" {
			differences = append(differences, "+"+name)
		}
	}
	slices.Sort(differences)
	return differences
}
