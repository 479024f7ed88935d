//go:build campaign

package campaign

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/internal/hub"
	"github.com/gowalrus/walrus/train"
	"github.com/gowalrus/walrus/well"
	"github.com/gowalrus/walrus/well/importer"
)

// kind is a kind of input from outside.
type kind struct {
	name string
	// prepare collects whole files, in a folder that the child may write to.
	prepare func(folder string) ([]sample, error)
}

// sample is a whole file and what reads it. The mutated one is written to path, in the child's folder.
type sample struct {
	path    string
	content []byte
	text    bool
	// pack makes the file of mutated content, where checksums would hide all of it from the reader.
	pack func(rng *rand.Rand, content []byte) []byte
	// read takes the file as the program would; an error is an answer too.
	read func(path string) error
}

// kinds are those of the list, in its order.
func kinds() []kind {
	return []kind{
		{"checkpoints", checkpoints},
		{"HDF5 files", hdf5Files},
		{"configurations", configurations},
		{"NumPy and Zarr arrays", numpyArrays},
		{"NetCDF files", netCDFFiles},
		{"hub listings", hubListings},
	}
}

// root is the module's folder.
const root = "../.."

// files reads files of the module's own testdata.
func files(patterns ...string) (map[string][]byte, error) {
	all := map[string][]byte{}
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(paths) == 0 {
			return nil, errors.Join(err, fmt.Errorf("no files %s", pattern))
		}
		for _, path := range paths {
			if all[path], err = os.ReadFile(path); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// samplesOf are files with one reader, in a fixed order.
func samplesOf(all map[string][]byte, name string, text bool, read func(string) error) []sample {
	var list []sample
	for path, content := range all {
		list = append(list, sample{path: name + filepath.Ext(path), content: content, text: text, read: read})
	}
	slices.SortFunc(list, func(a, b sample) int { return bytes.Compare(a.content, b.content) })
	return list
}

// largestTensor is more values than any mutated checkpoint can hold; a tensor that promises more is a finding.
const largestTensor = 1 << 26

// readCheckpoint opens weights and reads every tensor.
func readCheckpoint(path string) error {
	c, err := checkpoint.Open(path)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := checkpoint.Match(map[string][]int{"w": {2, 2}}, c); err == nil && len(c.Tensors()) == 0 {
		return errors.New("nothing matches a weight")
	}
	for _, t := range c.Tensors() {
		if t.Len() > largestTensor {
			panic(fmt.Sprintf("tensor %q promises %d values", t.Name, t.Len()))
		}
		if _, err := t.Array(); err != nil {
			return err
		}
	}
	return nil
}

func checkpoints(folder string) ([]sample, error) {
	torch, err := files("checkpoint/testdata/*.pt")
	if err != nil {
		return nil, err
	}
	list := samplesOf(torch, "weights", false, readCheckpoint)
	for _, s := range slices.Clone(list) {
		parts, err := unzip(s.content)
		if err != nil {
			continue // zip64.pt begins late
		}
		for i, part := range parts {
			if strings.HasSuffix(part.name, "data.pkl") {
				s.content = part.content
				s.pack = func(_ *rand.Rand, content []byte) []byte {
					changed := slices.Clone(parts)
					changed[i].content = content
					return rezip(changed)
				}
				list = append(list, s, s, s) // the pickle is where the language is
			}
		}
	}
	safetensors := filepath.Join(folder, "source.safetensors")
	for _, dtype := range []checkpoint.DType{checkpoint.Float32, checkpoint.Float16, checkpoint.BFloat16} {
		var tensors []checkpoint.Tensor
		for i, shape := range [][]int{{2, 3}, {4}, {2, 1, 2}, {1, 0}} {
			n := 1
			for _, d := range shape {
				n *= d
			}
			t, err := checkpoint.NewTensor(fmt.Sprintf("blocks.%d.w", i), shape, make([]float32, n))
			if err != nil {
				return nil, err
			}
			tensors = append(tensors, t)
		}
		if err := checkpoint.WriteWith(safetensors, tensors, checkpoint.WriteOptions{Metadata: map[string]string{"format": "pt"}, DType: dtype}); err != nil {
			return nil, err
		}
		content, err := os.ReadFile(safetensors)
		if err != nil {
			return nil, err
		}
		plain := sample{path: "weights.safetensors", content: content, read: readCheckpoint}
		header := plain
		length := binary.LittleEndian.Uint64(content)
		header.content, header.text = content[8:8+length], true
		header.pack = func(_ *rand.Rand, mutated []byte) []byte {
			whole := binary.LittleEndian.AppendUint64(nil, uint64(len(mutated)))
			return append(append(whole, mutated...), content[8+length:]...)
		}
		list = append(list, plain, header, header)
	}
	run, err := runFiles(folder)
	return append(list, run...), err
}

// runFiles are the files of a training run's checkpoint, one of them mutated at a time.
func runFiles(folder string) ([]sample, error) {
	config, err := checkpoint.ReleasedConfig()
	if err != nil {
		return nil, err
	}
	run := filepath.Join(folder, "run")
	state := checkpoint.State{Config: config, Epoch: 1, Step: 3, Notes: map[string]string{"loop": `{"step":3}`}, Random: map[string][]byte{"a": []byte("pcg:0123456789abcdef")}}
	for _, name := range []string{"a", "b"} {
		state.Parameters = append(state.Parameters, checkpoint.Parameter{Name: name, Shape: []int{2, 2}, Value: make([]float32, 4), First: make([]float32, 4), Second: make([]float32, 4), Updates: 3})
	}
	saved, err := checkpoint.SaveRun(run, state, 1)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(saved)
	if err != nil {
		return nil, err
	}
	var list []sample
	for _, e := range entries {
		whole, err := os.ReadFile(filepath.Join(saved, e.Name()))
		if err != nil {
			return nil, err
		}
		list = append(list, sample{
			path: filepath.Join("run", filepath.Base(saved), e.Name()), content: whole, text: filepath.Ext(e.Name()) != ".safetensors",
			read: func(path string) error {
				_, err := checkpoint.LoadRun(run)
				return errors.Join(err, os.WriteFile(path, whole, 0o666)) // for the next file's turn
			},
		})
	}
	return list, nil
}

// part is a file in an archive.
type part struct {
	name    string
	content []byte
}

func unzip(archive []byte) ([]part, error) {
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	var parts []part
	for _, f := range r.File {
		from, err := f.Open()
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(from)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{f.Name, content})
	}
	return parts, nil
}

func rezip(parts []part) []byte {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, p := range parts {
		to, err := w.CreateHeader(&zip.FileHeader{Name: p.name, Method: zip.Store})
		if err == nil {
			_, err = to.Write(p.content)
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return archive.Bytes()
}

// readWell opens, checks and reads a file of The Well, as a data set too.
func readWell(path string) error {
	f, err := well.Open(path)
	if err == nil {
		_, err = f.ReadWindow(context.Background(), 0, 0, 1, f.Steps())
		f.Close()
	}
	_, checked := well.Check(context.Background(), path)
	return errors.Join(err, checked)
}

func hdf5Files(string) ([]sample, error) {
	all, err := files("well/testdata/*.hdf5", "internal/hdf5/testdata/*.hdf5")
	if err != nil {
		return nil, err
	}
	list := samplesOf(all, "file", false, readWell)
	others, err := files("internal/hdf5/testdata/absent.h5")
	if err != nil {
		return nil, err
	}
	return append(list, samplesOf(others, "file", false, importAnything)...), nil
}

func configurations(folder string) ([]sample, error) {
	presets, err := files("train/presets/*.yaml")
	if err != nil {
		return nil, err
	}
	own := map[string][]byte{"sample.yaml": []byte(`model: {preset: tiny, hidden: 16, heads: 2, blocks: 2, tokens: 8}
data: {sets: [{path: data/a, stride: 2}, {path: b, include: [Re_1e4]}], history: 3, batch: 2, max_stride: 2, rotation: plane}
schedule: {learning_rate: 0.002, epochs: 3, steps_per_epoch: 2, warmup_epochs: 1, cooldown_epochs: 1}
optimizer: {weight_decay: 1.0e-4}
checkpoint: {minutes: 5, keep: 2, every: 1, best: true}
validation: {batches: 1, every: 1, rollout_every: 2}
finetune: {from: base.safetensors, lora: {rank: 4}}
out: run
seed: 7
`)}
	readTrain := func(path string) error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var overrides []string
		if !namesSets.Match(text) { // the presets leave it to the user
			overrides = []string{"data.sets=[{path: data/a}]"}
		}
		c, err := train.ParseConfig(text, overrides)
		if err != nil {
			return err
		}
		return c.Check()
	}
	list := samplesOf(presets, "train", true, readTrain)
	list = append(list, samplesOf(own, "train", true, readTrain)...)

	released, err := files("checkpoint/released.yaml")
	if err != nil {
		return nil, err
	}
	for range 8 {
		list = append(list, samplesOf(released, "config", true, func(path string) error { _, err := checkpoint.ReadConfig(path); return err })...)
	}
	stats := map[string][]byte{"stats.yaml": []byte("made_with:\n  stride: 5\n  transforms:\n    density: log10\nmean:\n  density: 1.2500E+00\n  velocity: [1.0, 2.0]\n  D: [[1, 2], [3, 4]]\nstd:\n  density: 1\n  velocity: [1, 2]\n  D: [[1, 2], [3, 4]]\nrms:\n  density: 1\n  velocity: [1, 2]\n  D: [[1, 2], [3, 4]]\n")}
	imports := map[string][]byte{"import.yaml": []byte(fullDescription), "plain.yaml": []byte(plainDescription)}
	for range 8 {
		list = append(list, samplesOf(stats, "stats", true, func(path string) error { _, err := well.ReadStats(path); return err })...)
		list = append(list, samplesOf(imports, "import", true, func(path string) error { _, err := importer.ReadConfig(path); return err })...)
	}
	return list, nil
}

// Descriptions of arrays.
const (
	plainDescription = "name: n\naxes: [{name: x, boundary: open}, {name: y, boundary: wall}]\nlayout: [time, x, y]\nfields: [{name: u, missing: 0}]\n"
	fullDescription  = `name: my_channel_flow
axes:
  - {name: x, boundary: periodic, first: 0, last: 1}
  - {name: y, boundary: wall/open}
time: {step: 0.1}
layout: [trajectory, time, y, x, component]
parameters: {Re: 1000, Pr: [1, 2]}
fields:
  - {name: pressure, variables: [p], positive: true, channel: 0, scale: 2.5, offset: -1}
  - {name: velocity, rank: vector, variables: [p], channels: [1, 2], missing_values: [-999]}
  - {name: mask, layout: [level, y, x], missing: 0, select: {level: 3}, ignore: [valid_range]}
gzip: 3
`
)

// importAs imports a file by a description, into a file beside it.
func importAs(description, path string) error {
	named := filepath.Join(filepath.Dir(path), "description.yaml")
	if err := os.WriteFile(named, []byte(description), 0o666); err != nil {
		return err
	}
	c, err := importer.ReadConfig(named)
	if err != nil {
		return err
	}
	out := filepath.Join(filepath.Dir(path), "imported.hdf5")
	_, err = importer.Import(context.Background(), c, []string{path}, out, importer.Options{Force: true})
	return err
}

// namesSets is what a configuration with data sets has.
var namesSets = regexp.MustCompile(`[ {]sets: *\[`)

// importAnything drafts a description of a file and imports by it.
func importAnything(path string) error {
	text, err := importer.Draft([]string{path})
	if err != nil {
		return err
	}
	return importAs(strings.ReplaceAll(text, "}   # [", ", missing: 0}   # ["), path) // each field's line ends in its shape
}

// importBoth imports by the description that fits the whole file, and by a draft.
func importBoth(description string) func(path string) error {
	return func(path string) error { return errors.Join(importAs(description, path), importAnything(path)) }
}

// npy encodes the numbers 0, 1, ... as NumPy's save does.
func npy(version byte, descr string, fortran bool, size int, shape ...int) []byte {
	order, dims, n := "False", "", 1
	if fortran {
		order = "True"
	}
	for _, d := range shape {
		dims += fmt.Sprintf("%d, ", d)
		n *= d
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }\n", descr, order, strings.TrimSuffix(dims, " "))
	file := append([]byte("\x93NUMPY"), version, 0)
	if version == 1 {
		file = binary.LittleEndian.AppendUint16(file, uint16(len(header)))
	} else {
		file = binary.LittleEndian.AppendUint32(file, uint32(len(header)))
	}
	file = append(file, header...)
	for i := range n * size {
		file = append(file, byte(i*37%64))
	}
	return file
}

func numpyArrays(folder string) ([]sample, error) {
	var list []sample
	read := importBoth(plainDescription)
	rising := npy(1, "<f4", false, 4, 5)
	for i := range 5 {
		binary.LittleEndian.PutUint32(rising[len(rising)-20+4*i:], math.Float32bits(float32(i)))
	}
	for _, file := range [][]byte{
		npy(1, "<f4", false, 4, 3, 4, 5), npy(1, ">f8", true, 8, 3, 4, 5), npy(2, "<i2", false, 2, 3, 4, 5), npy(3, "|b1", false, 1, 3, 4, 5), npy(1, "<f2", false, 2, 3, 4, 5),
	} {
		list = append(list, sample{path: "u.npy", content: file, read: read}, sample{path: "u.npy", content: file, text: true, read: read})
		archive := rezip([]part{{"u.npy", file}, {"v.npy", rising}})
		list = append(list, sample{path: "u.npz", content: archive, read: read})
		list = append(list, sample{path: "u.npz", content: file, read: read, pack: func(_ *rand.Rand, content []byte) []byte {
			return rezip([]part{{"u.npy", content}, {"v.npy", rising}})
		}})
	}
	for _, name := range []string{"two.zarr", "three.zarr"} {
		store := filepath.Join(folder, name)
		if err := os.CopyFS(store, os.DirFS(filepath.Join(root, "well/importer/testdata", name))); err != nil {
			return nil, err
		}
		err := filepath.WalkDir(store, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			whole, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			inside, err := filepath.Rel(folder, path)
			list = append(list, sample{path: inside, content: whole, text: strings.Contains(e.Name(), "z") || strings.HasSuffix(path, ".json"), read: func(path string) error {
				return errors.Join(importAnything(store), os.WriteFile(path, whole, 0o666))
			}})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

func netCDFFiles(string) ([]sample, error) {
	classic, err := files("well/importer/testdata/*.nc")
	if err != nil {
		return nil, err
	}
	return samplesOf(classic, "file", false, importBoth("name: n\naxes: [{name: x, boundary: open}, {name: y, boundary: open}]\ntime: {variable: time}\nlayout: [time, x, y]\nfields: [{name: u}, {name: k}]\n")), nil
}

// hubListings serves a mutated listing of three pages' worth of entries.
func hubListings(folder string) ([]sample, error) {
	const (
		commit = "0123456789abcdef0123456789abcdef01234567"
		page   = `[{"type": "file", "path": "walrus.safetensors", "size": 134, "oid": "0123456789abcdef0123456789abcdef01234567",
  "lfs": {"oid": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "size": 5, "pointerSize": 134}},
 {"type": "directory", "path": "data", "size": 0, "oid": "0123456789abcdef0123456789abcdef01234567"},
 {"type": "file", "path": "data/config.yaml", "size": 5, "oid": "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"}]
`
		revision = `{"id": "polymathic-ai/walrus", "sha": "0123456789abcdef0123456789abcdef01234567", "tags": ["a"], "siblings": [{"rfilename": "walrus.pt"}]}` + "\n"
		link     = `<http://HOST/api/models/polymathic-ai/walrus/tree/main?recursive=true&cursor=abc>; rel="next"` + "\n"
	)
	answer := map[string][]byte{}
	pages := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "/resolve/"):
			_, _ = w.Write([]byte("hello")) // to a client that may have gone
		case strings.Contains(r.URL.Path, "/revision/"):
			_, _ = w.Write(answer["revision"])
		default:
			if pages++; pages == 1 {
				w.Header().Set("Link", strings.ReplaceAll(strings.TrimSpace(string(answer["link"])), "HOST", r.Host))
			}
			_, _ = w.Write(answer["page"])
		}
	}))
	client := &hub.Client{Endpoint: server.URL, Pause: time.Millisecond, Stall: 5 * time.Second}
	read := func(which, whole string) func(path string) error {
		return func(path string) error {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			answer["revision"], answer["link"], answer["page"] = []byte(revision), []byte(link), []byte(page)
			answer[which], pages = text, 0
			cache, err := os.MkdirTemp(folder, "cache-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(cache)
			os.Setenv("HF_HUB_CACHE", filepath.Join(cache, "hub"))
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			pinned, err := client.Pin(ctx, hub.Repository{Kind: hub.Models, Name: "walrus"})
			if err != nil {
				return err
			}
			if pinned.Revision != commit && which != "revision" {
				panic("another commit: " + pinned.Revision)
			}
			files, err := client.List(ctx, pinned)
			if err == nil {
				files = slices.DeleteFunc(hub.SelectModel(files), func(f hub.File) bool { return f.Size > 1<<20 })
				_, err = client.Store(ctx, pinned, files, true, nil)
			}
			if outside, _ := filepath.Glob(filepath.Join(cache, "*")); len(outside) > 1 {
				panic(fmt.Sprintf("files outside the cache: %v", outside))
			}
			return err
		}
	}
	return []sample{
		{path: "page.json", content: []byte(page), text: true, read: read("page", page)},
		{path: "page.json", content: []byte(page), text: true, read: read("page", page)},
		{path: "revision.json", content: []byte(revision), text: true, read: read("revision", revision)},
		{path: "link.txt", content: []byte(link), text: true, read: read("link", link)},
	}, nil
}
