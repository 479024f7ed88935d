package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well/welltest"
)

// serveModel is a hub with the files of a folder as the model owner/toy.
func serveModel(t *testing.T, folder string) *httptest.Server {
	t.Helper()
	const commit = "00112233445566778899aabbccddeeff00112233"
	var entries []map[string]any
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, map[string]any{
			"type": "file", "path": f.Name(), "size": 1, "oid": strings.Repeat("0", 40), // the size is that of a pointer
			"lfs": map[string]any{"oid": fmt.Sprintf("%x", sha256.Sum256(content)), "size": len(content)},
		})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/models/owner/toy/revision/main", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"sha": commit})
	})
	mux.HandleFunc("/api/models/owner/toy/tree/"+commit, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(entries)
	})
	mux.Handle("/owner/toy/resolve/"+commit+"/", http.StripPrefix("/owner/toy/resolve/"+commit, http.FileServer(http.Dir(folder))))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestDownloadedWeightsAreUsedByName(t *testing.T) {
	weights, _ := smallWeights(t)
	server := serveModel(t, filepath.Dir(weights))
	t.Setenv("HF_HOME", t.TempDir())
	for _, name := range []string{"HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_TOKEN"} {
		t.Setenv(name, "")
	}
	t.Setenv("HF_ENDPOINT", server.URL)
	t.Chdir(t.TempDir())
	welltest.Flow{
		Name: "waves", Grid: [2]int{16, 16}, Frames: 9, Trajectories: 1, Boundaries: []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic)},
		Variable: []field.Field{{Name: "A"}},
		Value:    func(_, frame, _, x, y int) float64 { return math.Sin(2 * math.Pi * float64(x+y+frame) / 16) },
	}.Write(t, filepath.Join("waves", "data", "train", "a.hdf5"))
	try := func(line string) (string, error) {
		root := rootCommand()
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetErr(io.Discard)
		root.SetArgs(strings.Fields(line))
		err := root.ExecuteContext(context.Background())
		return out.String(), err
	}
	rollout := "rollout owner/toy waves --steps 1 --tokens 4 --history 2 --out pictures"
	if _, err := try(rollout); err == nil || !strings.Contains(err.Error(), "walrus download owner/toy fetches one") {
		t.Errorf("before the download: error %v; want how to download", err)
	}
	if out, err := try("download owner/toy --list"); err != nil || !strings.Contains(out, "small.safetensors") || !strings.Contains(out, "in 2 files") {
		t.Errorf("--list: %v\n%s", err, out)
	}
	if _, err := try("download owner/toy --offline"); err == nil || !strings.Contains(err.Error(), "not downloaded") {
		t.Errorf("offline before the download: %v", err)
	}
	out, err := try("download owner/toy")
	if err != nil || !strings.Contains(out, "2 files") {
		t.Fatalf("%v\n%s", err, out)
	}
	server.Close() // from here on all is on disk
	t.Setenv("HF_HUB_OFFLINE", "1")
	if out, err := try("download owner/toy"); err != nil || !strings.Contains(out, filepath.Join(os.Getenv("HF_HOME"), "hub", "models--owner--toy", "snapshots")) {
		t.Errorf("offline: %v\n%s", err, out)
	}
	for _, line := range []string{
		rollout,
		"eval owner/toy waves --split train --tokens 4 --history 2 --first -1 --windows none --sample 1",
		"convert owner/toy copy",
		"train --set finetune.from=owner/toy --set out=run --set data.sets=[{path:waves}] --set data.history=2 --set model.tokens=4 --set validation.every=0 --set schedule.epochs=1 --set schedule.steps_per_epoch=1 --set schedule.warmup_epochs=0 --set schedule.cooldown_epochs=0",
	} {
		if out, err := try(line); err != nil {
			t.Errorf("walrus %s: %v\n%s", line, err, out)
		}
	}
	if err := os.MkdirAll(filepath.Join("owner", "toy"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := try(rollout); err == nil || !strings.Contains(err.Error(), "owner/toy holds no weights") {
		t.Errorf("error %v; want that the folder on disk is meant", err)
	}
	if _, err := try("rollout walrus_ft_CERM waves"); err == nil || !strings.Contains(err.Error(), "walrus_ft_CE-RM") {
		t.Errorf("error %v; want the near name", err)
	}
}
