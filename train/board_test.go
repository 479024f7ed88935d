package train

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/internal/tfevents"
)

// Event files have every row of the logs once, also where a run was stopped between a step and its scores and went on, with pictures of the
// validations; and the training is the same as without them.
func TestEventFilesFollowTheLogsAndChangeNothing(t *testing.T) {
	data := writeWavesAndTides(t)
	plain, watched := smallRun(t, data, filepath.Join(t.TempDir(), "plain")), smallRun(t, data, filepath.Join(t.TempDir(), "watched"))
	for _, c := range []*Config{&plain, &watched} {
		c.Model.Blocks = 1
		c.Schedule.Epochs, c.LogEvery, c.Validation.RolloutEvery, c.Validation.MaxRolloutSteps, c.Validation.First = 2, 1, 2, 3, 4
	}
	watched.TensorBoard = true
	train(t, plain, false, 0)
	train(t, watched, false, 2) // stops before the scores of step 2
	resumed, err := ReadRunConfig(watched.Out)
	if err != nil || !resumed.TensorBoard {
		t.Fatalf("tensorboard %v, %v", resumed.TensorBoard, err)
	}
	train(t, resumed, true, 0)
	sameRuns(t, plain.Out, watched.Out)
	rows, err := ReadLog(watched.Out)
	if err != nil {
		t.Fatal(err)
	}
	scored, err := ReadValidation(watched.Out)
	if err != nil {
		t.Fatal(err)
	}
	events, err := tfevents.Read(watched.Out)
	if err != nil {
		t.Fatal(err)
	}
	type place struct {
		step int
		tag  string
	}
	seen := map[place]tfevents.Event{}
	for _, e := range events {
		if _, twice := seen[place{e.Step, e.Tag}]; twice {
			t.Errorf("step %d has %s twice", e.Step, e.Tag)
		}
		seen[place{e.Step, e.Tag}] = e
	}
	check := func(step int, tag string, want float64) {
		t.Helper()
		if e, there := seen[place{step, tag}]; !there || e.Value != float64(float32(want)) {
			t.Errorf("step %d, %s: %v; expected %g", step, tag, e.Value, want)
		}
	}
	for _, row := range rows {
		check(row.Step, "train/loss", row.Loss)
		check(row.Step, "train/learning_rate", row.Rate)
	}
	if len(rows) != 4 || len(scored) == 0 {
		t.Fatalf("%d rows, %d scores", len(rows), len(scored))
	}
	pictures := 0
	for _, s := range scored {
		group := s.Split + " " + s.Kind + "/" + s.DataSet
		check(s.Step, group+"/vrmse", s.VRMSE)
		if picture, err := png.Decode(bytes.NewReader(seen[place{s.Step, group}].Picture)); err != nil || picture.Bounds().Dx() < 100 {
			t.Errorf("step %d: the picture of %s: %v", s.Step, group, err)
			continue
		}
		pictures++
	}
	if pictures == 0 {
		t.Error("no picture")
	}
	// Losses of the data sets: their mean over all batches is the loss.
	var total float64
	for _, set := range []string{"waves", "tides"} {
		if e, there := seen[place{1, "loss/" + set}]; there {
			total += e.Value
		}
	}
	if !(total > 0) {
		t.Error("no loss of a data set at step 1")
	}
}

// sameRuns compares the weights and, but for the times, the logs of two runs.
func sameRuns(t *testing.T, a, b string) {
	t.Helper()
	rows, err := ReadLog(a)
	if err != nil {
		t.Fatal(err)
	}
	others, err := ReadLog(b)
	if err != nil || len(rows) != len(others) {
		t.Fatalf("%d and %d rows, %v", len(rows), len(others), err)
	}
	for i := range rows {
		rows[i].Seconds, others[i].Seconds = 0, 0
		if rows[i] != others[i] {
			t.Errorf("row %d: %+v and %+v", i, rows[i], others[i])
		}
	}
	var weights [2][]byte
	for i, folder := range []string{a, b} {
		found, err := filepath.Glob(filepath.Join(folder, checkpoint.Last, "*.safetensors"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no weights in %s: %v", folder, err)
		}
		for _, path := range found {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			weights[i] = append(weights[i], text...)
		}
	}
	if !bytes.Equal(weights[0], weights[1]) {
		t.Error("the weights differ")
	}
}
