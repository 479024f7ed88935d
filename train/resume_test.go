package train

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAResumedRunIsToldWhatMayChange(t *testing.T) {
	data := writeWavesAndTides(t)
	c := smallRun(t, data, filepath.Join(t.TempDir(), "run"))
	train(t, c, false, 1)
	for _, key := range []string{"model.preset=small", "seed=2", "optimizer.clip=1", "data.batch=4", "schedulex=1"} {
		if _, err := ReadRunConfig(c.Out, key); err == nil || !strings.Contains(err.Error(), "keeps its") {
			t.Errorf("%s: error %v; want a refusal", key, err)
		}
	}
	longer, err := ReadRunConfig(c.Out, "schedule.epochs=4", "checkpoint.keep=0")
	if err != nil {
		t.Fatal(err)
	}
	train(t, longer, true, 0)
	again, err := ReadRunConfig(c.Out)
	if err != nil || again.Schedule.Epochs != 4 || again.Checkpoint.Keep != 0 {
		t.Errorf("what was told is not in the run's folder: epochs %d, keep %d, %v", again.Schedule.Epochs, again.Checkpoint.Keep, err)
	}
	// What does not work is not kept.
	wrong, err := ReadRunConfig(c.Out, "validation.split=other")
	if err != nil {
		t.Fatal(err)
	}
	if r, err := Open(wrong, true, Observer{}); err == nil {
		r.Close()
		t.Error("a split that is not there was accepted")
	}
	if again, err = ReadRunConfig(c.Out); err != nil || again.Validation.Split == "other" {
		t.Errorf("split %q, %v", again.Validation.Split, err)
	}
}

func TestARunsFolderHasOneProcess(t *testing.T) {
	folder := t.TempDir()
	first, err := lockFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockFolder(folder); err == nil || !strings.Contains(err.Error(), "another process is training in "+folder) {
		t.Errorf("error %v; want a refusal", err)
	}
	if !Active(folder) {
		t.Error("a run that is held is not active")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if Active(folder) || Active(t.TempDir()) {
		t.Error("a run that nobody holds is active")
	}
	second, err := lockFolder(folder)
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	second.Close()
}

func TestSettingsThatCouldNotBeSavedAreRefusedBeforeTraining(t *testing.T) {
	c := smallRun(t, writeWavesAndTides(t), filepath.Join(t.TempDir(), "run"))
	c.Optimizer.Clip = 1e30
	r, err := Open(c, false, Observer{})
	if err == nil {
		r.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "could not be saved") {
		t.Errorf("error %v; want one before training", err)
	}
	if _, err := os.Stat(filepath.Join(c.Out, LogFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a log was begun: %v", err)
	}
}

func TestStatisticsMayLieElsewhere(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	c, err := ParseConfig([]byte("data: {sets: [{path: d, stats: mine.yaml}]}"), nil)
	if want := filepath.Join(folder, "mine.yaml"); err != nil || c.Data.Sets[0].Statistics != want || c.Data.Sets[0].Stats != "" {
		t.Errorf("statistics %q, %v; want %q", c.Data.Sets[0].Statistics, err, want)
	}
	if _, err := ParseConfig([]byte("data: {sets: [{path: d, stats: mine.yaml, normalization_path: other.yaml}]}"), nil); err == nil || !strings.Contains(err.Error(), "expected one of them") {
		t.Errorf("both: error %v", err)
	}
}
