//go:build campaign

package campaign

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Two processes in one folder: the second is refused, or both end in the same bytes as one.
func TestTwoProcessesInOneFolder(t *testing.T) {
	in := newInputs(t)
	refusals := map[string]string{"train": "another process is training", "simulate": "another process is simulating", "download": "is being written by another download"}
	for _, c := range commands(in) {
		t.Run(c.name, func(t *testing.T) {
			reference, took := c.reference(t)
			refused := 0
			for i := range min(10, *kills) {
				rng := rand.New(rand.NewPCG(*seed+uint64(i), 3))
				folder := t.TempDir()
				first, one := start(t, folder, c.env, c.first)
				time.Sleep(time.Duration(rng.Int64N(int64(took))))
				code, two := run(t, folder, c.env, c.goOn(folder))
				_ = first.Wait() // the exit code says it
				if first.ProcessState.ExitCode() != 0 || crashed(two) {
					t.Errorf("the first: exit code %d: %s\nthe second: exit code %d: %s", first.ProcessState.ExitCode(), one, code, two)
				}
				if code != 0 {
					refused++
					known := refusals[c.name]
					if c.name == "convert" || c.name == "train" && strings.Contains(two, "holds a run already") {
						known = "exists; replace it"
					}
					if !strings.Contains(two, known) && !strings.Contains(two, "holds a run already") {
						t.Errorf("the second: exit code %d: %s", code, two)
					}
				}
				if got, err := digests(folder); err != nil || len(compare(reference, got)) > 0 {
					t.Errorf("other bytes than of one process: %v, %v", compare(reference, got), err)
				}
			}
			t.Logf("%d of %d refused", refused, min(10, *kills))
		})
	}
}

// Files that are cut, overwritten, replaced or removed while they are read: the command ends, with an error or with what it has read.
func TestFilesThatChangeWhileTheyAreRead(t *testing.T) {
	in := newInputs(t)
	source := filepath.Join(in.folder, "data", "gray_scott_reaction_diffusion")
	if code, text := run(t, in.folder, nil, []string{"convert", "nano", "weights"}); code != 0 {
		t.Fatal(text)
	}
	for name, args := range map[string][]string{
		"check":   {"data", "check", "data"},
		"stats":   {"data", "stats", "data"},
		"rollout": {"rollout", "weights", "data", "--steps", "2", "--out", "rollout"},
		"train":   {"train", "train.yaml", "--set", "data.sets=[{path: data}]"},
		"import":  {"data", "import", "u.npy", "--config", "description.yaml", "--out", "new.hdf5"},
		"convert": {"convert", "weights", "again"},
	} {
		t.Run(name, func(t *testing.T) {
			outcomes := map[int]int{}
			for i := range *kills {
				rng := rand.New(rand.NewPCG(*seed+uint64(i), 4))
				folder := t.TempDir()
				for _, part := range []string{"u.npy", "description.yaml", "train.yaml", "weights"} {
					copyTree(t, filepath.Join(in.folder, part), filepath.Join(folder, part))
				}
				copyTree(t, source, filepath.Join(folder, "data"))
				cmd, out := start(t, folder, nil, args)
				ended := make(chan struct{})
				go func() { _ = cmd.Wait(); close(ended) }()
				victims := []string{"data", "weights", "u.npy"}
				for running := true; running; {
					select {
					case <-ended:
						running = false
					case <-time.After(time.Duration(rng.IntN(200)) * time.Millisecond):
						change(rng, filepath.Join(folder, victims[rng.IntN(len(victims))]))
					case <-time.After(2 * time.Minute):
						t.Fatalf("seed %d: no end", i)
					}
				}
				outcomes[cmd.ProcessState.ExitCode()]++
				const usage = 2 // then nothing was tried
				if text := out.String(); crashed(text) || cmd.ProcessState.ExitCode() < 0 || cmd.ProcessState.ExitCode() == usage {
					t.Errorf("seed %d: exit code %d: %s", i, cmd.ProcessState.ExitCode(), text)
				}
			}
			t.Logf("exit codes of %d: %v", *kills, outcomes)
		})
	}
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, inside), 0o777)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, inside), content, 0o666)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// change does something to one of the files below a path; what fails because another change was there first does not matter.
func change(rng *rand.Rand, below string) {
	var files []string
	_ = filepath.WalkDir(below, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files = append(files, path)
		}
		return nil
	})
	if len(files) == 0 {
		return
	}
	path := files[rng.IntN(len(files))]
	info, err := os.Stat(path)
	if err != nil {
		return
	}
	switch rng.IntN(5) {
	case 0:
		_ = os.Truncate(path, rng.Int64N(info.Size()+1))
	case 1:
		_ = os.Remove(path)
	case 2: // overwritten in place
		if f, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
			_, _ = f.WriteAt(make([]byte, 1+rng.IntN(4096)), rng.Int64N(info.Size()+1))
			_ = f.Close()
		}
	case 3: // replaced by another
		if content, err := os.ReadFile(files[rng.IntN(len(files))]); err == nil {
			_ = os.WriteFile(path+".other", content, 0o666)
			_ = os.Rename(path+".other", path)
		}
	case 4: // grown
		if f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0); err == nil {
			_, _ = f.Write(make([]byte, 1+rng.IntN(1<<16)))
			_ = f.Close()
		}
	}
}
